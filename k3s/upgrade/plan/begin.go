package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// settling is how long after its upgrade a node that is not Ready any more keeps the next one from being taken.
const settling = 10 * time.Minute

// judge decides which phase the roll-out is in.
func (r *rollout) judge() {
	same := r.was.ID == r.id && r.was.ObservedGeneration == r.Upgrade.Generation
	switch {
	case r.was.Phase == api.Complete && r.was.ID == r.id:
		r.phase, r.message = api.Complete, r.was.Message
	case r.invalid != nil:
		r.phase, r.message = api.Invalid, r.invalid.Error()
	case r.was.Phase == api.Failed && same:
		r.phase, r.message = api.Failed, r.was.Message // also when its nodes were given to another Upgrade since
	case r.After != "":
		r.phase, r.message = api.Waiting, "for Upgrade "+r.After+", which is older"
	case len(r.nodes) == 0:
		r.phase, r.message = api.Waiting, "no node matches nodeSelector"
	case r.stopped() && r.count(r.busy) == 0:
		r.phase, r.message = api.Failed, "stopped: "+r.why()
	case r.stopped():
		r.phase, r.message = api.Progressing, "stopping after the nodes that were asked: "+r.why()
	case r.count(r.done) == len(r.nodes):
		r.phase, r.message = api.Complete, "all nodes have been upgraded"
		if len(r.failures) > 0 {
			r.message = fmt.Sprintf("%d nodes could not be upgraded: %s", len(r.failures), r.why())
		}
	case r.spec.Paused:
		r.phase, r.message = api.Paused, "by spec.paused; nodes that were asked are still waited for"
	default:
		r.phase = api.Progressing
	}
}

// why names the first node that failed and the reason.
func (r *rollout) why() string {
	n := r.failures[0]
	return fmt.Sprintf("node %s %s", n.Name, join(string(n.Progress.Result), n.Progress.Message))
}

func (r *rollout) count(is func(Node) bool) (n int) {
	for _, node := range r.nodes {
		if is(node) {
			n++
		}
	}
	return n
}

// mayBegin says whether further nodes may be taken: not before those of an earlier attempt are released. A failure of
// this very look, which judge has not seen, counts too.
func (r *rollout) mayBegin() bool {
	released := func(a Action) bool { return a.Kind == Release }
	return r.phase == api.Progressing && r.halted() == "" && !slices.ContainsFunc(r.actions, released)
}

// beginInWindow begins no node while the window is closed. Nodes that were taken finish.
func (r *rollout) beginInWindow() {
	if _, open := r.window.Open(r.Now); open {
		r.begin()
		return
	}
	if len(r.actions) == 0 && r.count(r.busy) == 0 {
		r.message = "waiting: " + r.closed()
	}
}

// closed says when the window opens.
func (r *rollout) closed() string {
	return "the window opens at " + r.window.Next(r.Now, 0).UTC().Format(time.RFC3339)
}

// begin takes the next nodes of the current wave, as many as may be away at a time.
func (r *rollout) begin() {
	w, opens := r.wave()
	if w == len(r.waves) {
		return
	}
	room := r.limit - r.count(r.away)
	waits := ""
	for _, n := range r.waves[w].nodes {
		due := opens.Add(r.jitter(n))
		switch {
		case r.mine(n) || r.current(n):
		case r.Now.Before(due):
			waits = first(waits, "node "+n.Name+" is due at "+due.UTC().Format(time.RFC3339))
		case !n.Ready:
			waits = first(waits, "node "+n.Name+" is not Ready")
		case room <= 0:
			waits = first(waits, r.inTheWay())
		default:
			room--
			r.take(n)
		}
	}
	if waits != "" && len(r.actions) == 0 {
		r.message = "waiting: " + waits
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// take begins a node. One that was cordoned by somebody else stays so; one that an earlier Upgrade left cordoned does not.
func (r *rollout) take(n Node) {
	p := r.progress(n, api.Draining)
	p.Cordoned = n.Progress.Cordoned && n.Cordoned
	a := Action{Kind: Begin, Node: n.Name, Text: "taken", Request: ""}
	if !n.Cordoned && !r.alone() {
		yes := true
		p.Cordoned, a.Cordon, a.Text = true, &yes, "taken and cordoned"
	}
	a.Progress = p
	r.act(a)
}

// away says whether a node counts against the limit: it was taken, or it has not come back well.
func (r *rollout) away(n Node) bool {
	return r.busy(n) || r.mine(n) && n.Progress.Result == nodeupgrade.Succeeded && !n.Ready && r.Now.Sub(n.Progress.Since.Time) < settling
}

// inTheWay names a node that counts against the limit.
func (r *rollout) inTheWay() string {
	for _, n := range r.nodes {
		if r.away(n) {
			return "for node " + n.Name
		}
	}
	return "for the nodes just taken"
}

// wave returns the first wave that has nodes left, and when it opens: a pause after the one before had its last result.
func (r *rollout) wave() (i int, opens time.Time) {
	opens = r.started
	for i, w := range r.waves {
		left := false
		last := opens
		for _, n := range w.nodes {
			left = left || !r.done(n)
			if r.mine(n) && n.Progress.Step == api.Finished && n.Progress.Since.After(last) {
				last = n.Progress.Since.Time
			}
		}
		if left {
			return i, opens
		}
		if len(w.nodes) > 0 {
			opens = last.Add(w.pause)
		}
	}
	return len(r.waves), opens
}

// jitter spreads the nodes of a wave evenly over spec.jitter. It is the same at every look.
func (r *rollout) jitter(n Node) time.Duration {
	if r.spec.Jitter.Duration <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(r.id + n.Name))
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(r.spec.Jitter.Duration))
}
