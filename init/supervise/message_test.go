package supervise

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// TestCauseOutlivesTheProcess: the reason that a service reported before it ended stays visible while it is restarted;
// other facts of that run do not.
func TestCauseOutlivesTheProcess(t *testing.T) {
	for range 5 {
		r := newRig(t)
		must(t, os.WriteFile(filepath.Join(r.RunDir, "fail"), []byte("READY=1\nX_NODE_READY=1\nX_NODE_IP=10.0.0.2\nX_FAILED=agent: no route to host"), 0o644))
		r.Start(t.Context(), notifier(t))
		got := r.wait(t, "a restart", func(s State) bool { return s.Restarts > 0 })
		if got.LastExit != "exit code 1: agent: no route to host" || !got.Facts.equal(Facts{Failed: "agent: no route to host"}) {
			t.Errorf("%+v", got)
		}
		if got = r.wait(t, "the next run", func(s State) bool { return s.State == "ready" }); !got.Facts.equal(Facts{}) {
			t.Errorf("a new run begins with %+v", got.Facts)
		}
		r.StopAll(t.Logf)
	}
}

// TestOthersSayNothing: messages of a child process of the service are dropped.
func TestOthersSayNothing(t *testing.T) {
	r, s := newRig(t), notifier(t)
	s.Argv = []string{"/bin/sh", "-c", s.Argv[0] + " & wait"}
	r.Start(t.Context(), s)
	r.wait(t, "the message", func(State) bool { _, err := os.Stat(filepath.Join(r.RunDir, "sent")); return err == nil })
	time.Sleep(200 * time.Millisecond)
	if got := r.States()[0]; got.State != "starting" || got.Status != "" {
		t.Errorf("heard a child: %+v", got)
	}
}

// TestParseNotify: facts are read from their own fields and never from text.
func TestParseNotify(t *testing.T) {
	before := Facts{NodeReady: true, NodeName: "edge-7", Problems: []string{"p"}}
	asked := func(r nodeupgrade.Request) Facts {
		f := before
		f.Upgrade = &r
		return f
	}
	for msg, want := range map[string]struct {
		ready  bool
		status string
		facts  Facts
	}{
		"READY=1\nSTATUS=node Ready":                       {true, "node Ready", before},
		"STATUS=manifests: applied":                        {false, "manifests: applied", before},
		"STATUS=node NotReady: x":                          {false, "node NotReady: x", before},
		"STATUS=failed: kine: disk full":                   {false, "failed: kine: disk full", before},
		"X_NODE_READY=0\nX_NODE_REASON=KubeletNotReady: x": {false, "-", Facts{NodeReason: "KubeletNotReady: x", NodeName: "edge-7", Problems: []string{"p"}}},
		"X_NODE_IP=fd00::2\nX_NODE_NAME=a":                 {false, "-", Facts{NodeReady: true, NodeName: "a", NodeIP: "fd00::2", Problems: []string{"p"}}},
		`X_PROBLEMS=["a","b\u001b[2J\nc"]`:                 {false, "-", Facts{NodeReady: true, NodeName: "edge-7", Problems: []string{"a", "b [2J c"}}},
		"X_PROBLEMS=[]":                                    {false, "-", Facts{NodeReady: true, NodeName: "edge-7"}},
		"X_PROBLEMS=half [":                                {false, "-", before},
		"X_FAILED=kine: disk full":                         {false, "-", Facts{NodeReady: true, NodeName: "edge-7", Problems: []string{"p"}, Failed: "kine: disk full"}},
		`X_UPGRADE={"id":"u.1","source":"https://h/r"}`:    {false, "-", asked(nodeupgrade.Request{ID: "u.1", Source: "https://h/r"})},
		"X_UPGRADE=":                                       {false, "-", asked(nodeupgrade.Request{})},
		`X_UPGRADE={"id":"u.1","source":"file:///etc"}`:    {false, "-", before},
		"X_UPGRADE={}":                                     {false, "-", before},
		"WATCHDOG=1\nX_OTHER=1":                            {false, "-", before},
		"READY=0":                                          {false, "-", before},
	} {
		m := ParseNotify(msg)
		status, facts := "-", before
		if m.Status != nil {
			status = *m.Status
		}
		for _, change := range m.facts {
			change(&facts)
		}
		if m.Ready != want.ready || status != want.status || !facts.equal(want.facts) {
			t.Errorf("%q: %t, %q, %+v", msg, m.Ready, status, facts)
		}
	}
}

// TestManyProblems: the longest list in the contract fits in one message, and longer ones are truncated.
func TestManyProblems(t *testing.T) {
	full := make([]string, maxProblems)
	for i := range full {
		full[i] = strings.Repeat("x", maxLine)
	}
	for _, more := range [][]string{nil, {"y"}} {
		text, _ := json.Marshal(append(append([]string{}, full...), more...))
		r := newRig(t)
		must(t, os.WriteFile(filepath.Join(r.RunDir, "fail"), []byte("X_FAILED=z\nX_PROBLEMS="+string(text)), 0o644))
		s := notifier(t)
		heard := make(chan []string, 100)
		r.Changed = func(_, now State) { heard <- now.Facts.Problems }
		r.Start(t.Context(), s)
		got := <-heard
		for got == nil {
			got = <-heard
		}
		if len(got) != maxProblems || got[0] != full[0] {
			t.Errorf("%d problems", len(got))
		}
	}
	if got := line(strings.Repeat("ä", maxLine)); len(got) > maxLine || !strings.HasSuffix(got, "ä...") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-8:])
	}
}
