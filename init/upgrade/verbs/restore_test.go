package verbs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/rehearse"
)

// TestRestoreDatastore: it says what is lost, wants a yes, asks the runtime, and says how that ended.
func TestRestoreDatastore(t *testing.T) {
	for name, c := range map[string]struct {
		args, in string
		kept     bool
		result   wayback.Result
		want     string
		asked    bool
	}{
		"no snapshot":  {"--yes", "", false, "", "error: no snapshot of the datastore is kept", false},
		"no":           {"", "no\n", true, "", "error: nothing was changed", false},
		"no input":     {"", "", true, "", "error: nothing was changed", false},
		"yes":          {"", "yes\n", true, wayback.Restored, "12 writes", true},
		"without asks": {"--yes", "", true, wayback.Restored, "Everything that was written to the cluster since 2026-11-02 12:00:00Z is lost", true},
		"failed":       {"--yes", "", true, wayback.Failed, "error: 12 writes", true},
	} {
		e, out := machine(t)
		e.In = strings.NewReader(c.in)
		r := wayback.Record{Snapshot: wayback.Dir + "/before-1.db", Taken: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), State: wayback.Ended, Result: wayback.Unreadable}
		if must(t, os.MkdirAll(e.Root+wayback.Dir, 0o700)); c.kept {
			must(t, errors.Join(e.saveSnapshot(r), os.WriteFile(e.Root+r.Snapshot, nil, 0o600)))
		}
		asked := false
		e.RestartRuntime = func() error {
			r, err := e.snapshot()
			asked = r.State == wayback.Asked
			return errors.Join(err, e.saveSnapshot(r.End(c.result, "12 writes", time.Now())))
		}
		err := e.Main(t.Context(), "restore-datastore", strings.Fields(c.args))
		got := out.String()
		if err != nil {
			got += "error: " + err.Error()
		}
		if !strings.Contains(got, c.want) || asked != c.asked {
			t.Errorf("%s: asked %t: %s", name, asked, got)
		}
	}
}

// TestRehearsal: the configuration and the command say whether a release is rehearsed, and what is done with the datastore
// after a fall-back; log has what was found.
func TestRehearsal(t *testing.T) {
	e, out := machine(t)
	db, k3s := filepath.Join(e.Root, "state.db"), filepath.Join(e.Root, "k3s")
	must(t, errors.Join(os.WriteFile(db, []byte("data"), 0o600), os.WriteFile(k3s, []byte("#!/bin/sh\ncp "+db+" $2\n"), 0o700),
		os.WriteFile(filepath.Join(e.Root, "a.slot"), slotFile(t, "v2"), 0o600)))
	e.Stage = &rehearse.Stage{Runtime: k3s, Database: db, Config: "/nowhere", Dir: e.Root + wayback.Dir, Limit: time.Minute, Inside: []string{"/bin/sh", "-c", "echo k3s: no such column >&2; exit 1"}}
	apply := func(args ...string) error {
		out.Reset()
		return e.Main(t.Context(), "apply", append([]string{e.Root + "/a.slot", "--no-reboot"}, args...))
	}
	if os.Geteuid() == 0 { // namespaces are root's
		if err := apply(); err == nil || !strings.Contains(err.Error(), "cannot take the datastore over: k3s: no such column; nothing was changed") {
			t.Errorf("%v, %s", err, out)
		}
		if j, err := journal.Read(e.Root + journal.File); err != nil || len(j.Entries) != 1 || j.Entries[0].Result != journal.Failed {
			t.Errorf("%+v, %v", j, err)
		}
		if left, _ := filepath.Glob(e.Root + wayback.Dir + "/*"); left != nil {
			t.Errorf("left %q", left)
		}
	}
	e.Config.Upgrade.Datastore = "restore"
	must(t, apply("--skip-rehearsal"))
	r, err := e.snapshot()
	if must(t, err); r.Policy != wayback.Restore || r.State != wayback.Kept || r.From.Root != "aaaaaaaaaaaaaaaa" || len(r.To.Root) != 16 || r.Entry == 0 {
		t.Errorf("%+v", r)
	}
	e.Config.Upgrade.Rehearsal, e.Config.Upgrade.Datastore = "skip", "keep"
	if must(t, apply()); !strings.Contains(out.String(), "not rehearsed, by command or configuration") {
		t.Errorf("%s", out)
	}
	if r, _ := e.snapshot(); r.Policy != wayback.Keep {
		t.Errorf("%+v", r)
	}
	must(t, os.Remove(db))
	must(t, apply())
	out.Reset()
	must(t, e.Main(t.Context(), "log", nil))
	if !strings.Contains(out.String(), "   not rehearsed: there is no datastore yet\n") || !strings.Contains(out.String(), "snapshot of the datastore from ") {
		t.Errorf("%s", out)
	}
}
