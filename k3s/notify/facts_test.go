package notify

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listen is a supervisor; next returns the next message, or "" if there is none.
func listen(t *testing.T) (n *Notifier, next func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	buf := make([]byte, 2*maxMessage)
	return &Notifier{socket: path}, func() string {
		conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		size, err := conn.Read(buf)
		if err != nil {
			return ""
		}
		return string(buf[:size])
	}
}

// TestFacts: each change is sent at once with all facts; unchanged facts are sent again only after a minute and a new
// check.
func TestFacts(t *testing.T) {
	n, next := listen(t)
	now := time.Unix(1000, 0)
	n.now = func() time.Time { return now }
	for i, c := range []struct {
		do   func()
		want string
	}{
		{func() { n.Node("edge-1", "10.0.2.15") }, "X_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_PROBLEMS=[]"},
		{func() { n.NodeReady(false, "no CNI\nyet") }, "X_NODE_READY=0\nX_NODE_REASON=no CNI; yet\nX_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_PROBLEMS=[]"},
		{func() { n.Status("manifests: a applied") }, "STATUS=manifests: a applied"},
		{func() { n.NodeReady(false, "no CNI\nyet") }, ""},
		{func() { n.NodeReady(true, "") }, "X_NODE_READY=1\nX_NODE_REASON=\nX_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_PROBLEMS=[]"},
		{func() { now = now.Add(59 * time.Second); n.NodeReady(true, "") }, ""},
		{func() { now = now.Add(time.Second); n.Node("edge-1", "10.0.2.15") }, ""},
		{func() { n.NodeReady(true, "") }, "X_NODE_READY=1\nX_NODE_REASON=\nX_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_PROBLEMS=[]"},
		{func() { n.Upgrade(`{"id":"u.1"}`) }, "X_NODE_READY=1\nX_NODE_REASON=\nX_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_UPGRADE={\"id\":\"u.1\"}\nX_PROBLEMS=[]"},
		{func() { n.Upgrade(`{"id":"u.1"}`) }, ""},
		{func() { n.Upgrade("") }, "X_NODE_READY=1\nX_NODE_REASON=\nX_NODE_NAME=edge-1\nX_NODE_IP=10.0.2.15\nX_UPGRADE=\nX_PROBLEMS=[]"},
		{func() { n.Failed("%s: %s", "datastore", "disk\nX_NODE_READY=1") }, "STATUS=failed: datastore: disk; X_NODE_READY=1\nX_FAILED=datastore: disk; X_NODE_READY=1"},
	} {
		c.do()
		if diff := cmp.Diff(c.want, next()); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
}

// TestLostFactsAreSentAgain: facts that were not delivered are sent at the next check, not after a minute.
func TestLostFactsAreSentAgain(t *testing.T) {
	n, next := listen(t)
	socket := n.socket
	n.socket += "-gone"
	n.NodeReady(true, "")
	n.socket = socket
	n.NodeReady(true, "")
	if got := next(); !strings.HasPrefix(got, "X_NODE_READY=1\n") {
		t.Errorf("%q", got)
	}
}

func TestProblems(t *testing.T) {
	n, next := listen(t)
	list := func() (lines []string) {
		t.Helper()
		_, text, ok := strings.Cut(next(), "X_PROBLEMS=")
		if err := json.Unmarshal([]byte(text), &lines); !ok || err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return lines
	}
	n.Problem("b", "second <b>")
	list()
	n.Problem("a", "first\nline")
	if diff := cmp.Diff([]string{"first; line", "second <b>"}, list()); diff != "" {
		t.Error(diff)
	}
	n.Problem("a", "first\nline")
	n.Solved("never there")
	if got := next(); got != "" {
		t.Errorf("nothing changed, and yet: %q", got)
	}
	n.Solved("a")
	if diff := cmp.Diff([]string{"second <b>"}, list()); diff != "" {
		t.Error(diff)
	}
	n.Solved("b")
	if got := list(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestManyProblems: many or long problems never make a message that is too long for the supervisor.
func TestManyProblems(t *testing.T) {
	for name, text := range map[string]string{"short": "x", "long": strings.Repeat("é", 400), "quotes": strings.Repeat(`"`, 600)} {
		n, next := listen(t)
		var last string
		for i := range 40 {
			n.Problem(fmt.Sprintf("%02d", i), text)
			last = next()
		}
		var lines []string
		_, list, _ := strings.Cut(last, "X_PROBLEMS=")
		if err := json.Unmarshal([]byte(list), &lines); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(last) > maxMessage || len(lines) > maxProblems || lines[len(lines)-1] != fmt.Sprintf("and %d more, see the log", 41-len(lines)) {
			t.Errorf("%s: %d bytes, %d lines, the last is %q", name, len(last), len(lines), lines[len(lines)-1])
		}
		for _, l := range lines {
			if len(l) > maxProblem || !strings.HasPrefix(text, strings.TrimSuffix(l, "…")) && !strings.HasPrefix(l, "and ") {
				t.Errorf("%s: line of %d bytes: %q", name, len(l), l)
			}
		}
	}
}
