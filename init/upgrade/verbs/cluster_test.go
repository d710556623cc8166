package verbs

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// asked is a machine whose cluster asks for an upgrade to v2 from a slot file on the machine; clusters name URLs.
func asked(t *testing.T, r nodeupgrade.Request) (*cluster, *int) {
	t.Helper()
	e, _ := machine(t)
	file := filepath.Join(e.Root, "a.slot")
	must(t, os.WriteFile(file, slotFile(t, "v2"), 0o600))
	e.Config.Upgrade.Source = []string{file}
	boots := 0
	e.Restart = func() error { boots++; return nil }
	ask(t, e, r)
	return &cluster{Env: e}, &boots
}

func ask(t *testing.T, e Env, r nodeupgrade.Request) {
	t.Helper()
	must(t, os.WriteFile(e.Root+nodeupgrade.RequestFile, []byte(r.Encode()), 0o600))
}

// told is what the runtime reads.
func told(t *testing.T, e Env) nodeupgrade.State {
	t.Helper()
	text, err := os.ReadFile(e.Root + nodeupgrade.File)
	must(t, err)
	s, err := nodeupgrade.ParseState(string(text))
	must(t, err)
	return s
}

// TestCluster: a request is carried out once, through restarts of the service; how the trial ended is told after the
// machine's restart, from the journal that PID 1 completes.
func TestCluster(t *testing.T) {
	c, boots := asked(t, nodeupgrade.Request{ID: "u.1", Version: "v2"})
	for range 3 {
		c.look(t.Context())
		if s := told(t, c.Env); *boots != 1 || s.ID != "u.1" || s.Phase != "trying" || s.Version != "v2" || s.Result != "" {
			t.Fatalf("%d restarts, %+v", *boots, s)
		}
		c = &cluster{Env: c.Env}
	}
	for result, want := range map[journal.Result]nodeupgrade.Result{journal.Succeeded: nodeupgrade.Succeeded, journal.RolledBack: nodeupgrade.RolledBack} {
		must(t, journal.Update(c.Root+journal.File, func(j *journal.Journal) bool {
			e := &j.Entries[len(j.Entries)-1]
			if e.By != "cluster" || e.Request != "u.1" {
				t.Errorf("%+v", e)
			}
			e.State, e.Result, e.Reason = journal.Ended, result, "three tries"
			return true
		}))
		c.look(t.Context())
		if s := told(t, c.Env); s.Result != want || s.Message != "three tries" {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	if *boots != 1 {
		t.Errorf("%d restarts", *boots)
	}
}

// TestClusterIsTold: what cannot be done is a result with its reason, and is not tried again until another id asks.
func TestClusterIsTold(t *testing.T) {
	for _, x := range []struct {
		r      nodeupgrade.Request
		result nodeupgrade.Result
		why    string
	}{
		{nodeupgrade.Request{ID: "u.2", Version: "v9"}, nodeupgrade.Failed, "no release for this machine with the version v9"},
		{nodeupgrade.Request{ID: "u.3", Source: "http://127.0.0.1:1/none.slot"}, nodeupgrade.Failed, "127.0.0.1:1"},
	} {
		c, boots := asked(t, x.r)
		c.Patience.Budget, c.Patience.First, c.Patience.Last = 1, 1, 1
		for range 2 {
			c.look(t.Context())
			if s := told(t, c.Env); s.ID != x.r.ID || s.Result != x.result || !strings.Contains(s.Message, x.why) {
				t.Errorf("%s: %+v", x.r.ID, s)
			}
		}
		j, err := journal.Read(c.Root + journal.File)
		if must(t, err); len(j.Entries) > 1 || *boots != 0 {
			t.Errorf("%s: %d restarts, %+v", x.r.ID, *boots, j.Entries)
		}
		ask(t, c.Env, nodeupgrade.Request{ID: "u.4", Version: "v2"})
		c.look(t.Context())
		if s := told(t, c.Env); s.ID != "u.4" || s.Phase != "trying" || *boots != 1 {
			t.Errorf("afterwards: %+v, %d restarts", s, *boots)
		}
	}
}

// TestClusterRunsAlready: a node that runs what is wanted has succeeded.
func TestClusterRunsAlready(t *testing.T) {
	c, boots := asked(t, nodeupgrade.Request{ID: "u.5", Version: "v2"})
	file, err := slotfile.NewReader(bytes.NewReader(slotFile(t, "v2")))
	must(t, err)
	find := c.Find
	c.Find = func() (upgrade.Machine, slotwrite.Target, error) {
		m, target, err := find()
		m.Version, m.Root = "v2", file.Manifest.Root.Hash
		return m, target, err
	}
	c.look(t.Context())
	if s := told(t, c.Env); *boots != 0 || s.Result != nodeupgrade.Succeeded || s.Version != "v2" {
		t.Errorf("%+v, %d restarts", s, *boots)
	}
}

// TestWithdrawn: a request that is not there any more ends the run, and the slot can be written again.
func TestWithdrawn(t *testing.T) {
	c, boots := asked(t, nodeupgrade.Request{ID: "u.6"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as untilWithdrawn does
	if s := c.carryOut(ctx, c.request()); s.Result != nodeupgrade.Aborted || *boots != 0 {
		t.Errorf("%+v", s)
	}
	must(t, os.Remove(c.Root+nodeupgrade.RequestFile))
	before := told(t, c.Env)
	c.look(t.Context())
	if s := told(t, c.Env); s != before {
		t.Errorf("without a request %+v became %+v", before, s)
	}
}
