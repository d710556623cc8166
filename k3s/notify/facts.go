package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// repeatAfter is when unchanged facts are sent again, in case a message was lost.
const repeatAfter = time.Minute

const (
	maxProblems = 32
	maxProblem  = 512 // bytes
)

// facts are the fields that the supervisor evaluates.
type facts struct {
	observed, ready bool
	reason          string
	name, ip        string
	problems        map[string]string
	upgrade         *string // request, empty once it is withdrawn; nil: there was none
	sent            string
	at              time.Time
}

// NodeReady reports whether the node is Ready in Kubernetes, or why not. Call it at every check: it sends on changes
// and once a minute, so that the supervisor notices when checks stop.
func (n *Notifier) NodeReady(ready bool, reason string) {
	n.tell(func(f *facts) { f.observed, f.ready, f.reason = true, ready, reason }, true)
}

// Node reports the node's name and address in Kubernetes.
func (n *Notifier) Node(name, ip string) {
	n.tell(func(f *facts) { f.name, f.ip = name, ip }, false)
}

// Problem reports one line about a problem of a node that works otherwise, and what to do about it; it replaces the
// line with the same key. Keys are chosen by the caller, such as "image /…/app.tar", and sort the lines.
func (n *Notifier) Problem(key, line string) {
	line = oneLine(line, maxProblem)
	n.tell(func(f *facts) {
		if f.problems == nil {
			f.problems = map[string]string{}
		}
		if f.problems[key] != line {
			fmt.Fprintln(os.Stderr, "k3s: problem:", line)
		}
		f.problems[key] = line
	}, false)
}

// Solved removes a problem; an unknown key is ignored.
func (n *Notifier) Solved(key string) {
	n.tell(func(f *facts) { delete(f.problems, key) }, false)
}

// Upgrade passes on the cluster's request to upgrade this node (nodeupgrade.Request as JSON); empty: it is withdrawn.
func (n *Notifier) Upgrade(request string) {
	n.tell(func(f *facts) { f.upgrade = &request }, false)
}

// tell changes the facts and sends all of them, if they changed or, with due, were last sent long ago. The lock is held
// while sending, so that states arrive in order.
func (n *Notifier) tell(change func(*facts), due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(&n.facts)
	now := time.Now
	if n.now != nil {
		now = n.now
	}
	message := n.message()
	if message == n.sent && !(due && now().Sub(n.at) >= repeatAfter) {
		return
	}
	if n.send(message) {
		n.sent, n.at = message, now()
	}
}

func (f *facts) message() string {
	var b strings.Builder
	if f.observed {
		ready := map[bool]int{true: 1}[f.ready]
		fmt.Fprintf(&b, "X_NODE_READY=%d\nX_NODE_REASON=%s\n", ready, oneLine(f.reason, maxText))
	}
	if f.name != "" {
		fmt.Fprintf(&b, "X_NODE_NAME=%s\nX_NODE_IP=%s\n", oneLine(f.name, maxText), oneLine(f.ip, maxText))
	}
	if f.upgrade != nil {
		fmt.Fprintf(&b, "X_UPGRADE=%s\n", oneLine(*f.upgrade, maxText))
	}
	const field = "X_PROBLEMS="
	return b.String() + field + f.problemList(maxMessage-b.Len()-len(field))
}

// problemList returns the lines in the order of their keys. If there are too many, the last line has the number of
// missing ones.
func (f *facts) problemList(room int) string {
	lines := []string{}
	for _, key := range slices.Sorted(maps.Keys(f.problems)) {
		lines = append(lines, f.problems[key])
	}
	list := encode(lines)
	for keep := min(len(lines), maxProblems) - 1; len(lines) > maxProblems || len(list) > room; keep-- {
		lines = append(lines[:keep:keep], fmt.Sprintf("and %d more, see the log", len(f.problems)-keep))
		list = encode(lines)
	}
	return list
}

// encode returns JSON without HTML escapes: "<" stays "<".
func encode(lines []string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(lines) // a list of strings always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
