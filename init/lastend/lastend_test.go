package lastend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/pstore"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/upgrade/journal"
)

var (
	noon   = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	v1, v2 = strings.Repeat("a", 64), strings.Repeat("b", 64)
)

// machine runs slot a with v1, or slot b with v2, and finds a panic that its kernel kept an hour after noon.
func machine(t *testing.T, root string) (*boot.Machine, *sys.Fake) {
	t.Helper()
	fake := &sys.Fake{}
	m := &boot.Machine{Sys: fake, Root: t.TempDir(), Logf: t.Logf}
	m.Line = cmdline.Line{Mode: images.OnDisk, Slot: layout.A, Root: verity.Root{Hash: root}}
	if root == v2 {
		m.Line.Slot = layout.B
	}
	file := filepath.Join(m.Root, pstore.Dir, "dmesg-efi_pstore-1")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	const said = "Panic#1 Part1\n<7>[    9.0] proa: boot 13/34 last-end ok\n<0>[    9.2] Kernel panic - not syncing: Oops\n<4>[    9.3] CPU: 0 PID: 1 Comm: init\n"
	if err := os.WriteFile(file, []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(time.Hour)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
	return m, fake
}

// upgraded writes the record of an upgrade from v1 to v2.
func upgraded(t *testing.T, m *boot.Machine, change func(*journal.Entry)) {
	t.Helper()
	err := journal.Update(m.Path(journal.File), func(j *journal.Journal) bool {
		id := j.Begin(journal.Entry{To: journal.Release{Version: "v2", Root: journal.ShortRoot(v2), Slot: layout.B}, Began: noon})
		e := j.Get(id)
		e.State, e.Tried = journal.Trying, noon
		change(e)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

func good(e *journal.Entry) {
	e.State, e.Result, e.Judged, e.Ended = journal.Ended, journal.Succeeded, noon, noon
}

// watched is a slot b that was marked good at noon, and whose last boot ended with a shutdown as far as its record says.
func watched(t *testing.T) *aftergood.Keeper {
	t.Helper()
	file := filepath.Join(t.TempDir(), aftergood.File)
	open := func() *aftergood.Keeper {
		return aftergood.Open(file, os.WriteFile, func() time.Duration { return time.Minute })
	}
	k := open()
	if err := errors.Join(k.Good(layout.B, journal.ShortRoot(v2), noon), k.Ended()); err != nil {
		t.Fatal(err)
	}
	return open()
}

// TestLook: what the kernel kept of a panic is stored with the upgrade it belongs to, and removed then; a slot that is new
// is left although it panicked before its record could say that it runs.
func TestLook(t *testing.T) {
	want := nodeupgrade.Console{From: "pstore", Lines: []string{"[    9.0] proa: boot 13/34 last-end ok", "[    9.2] Kernel panic - not syncing: Oops", "[    9.3] CPU: 0 PID: 1 Comm: init"}}
	for name, c := range map[string]struct {
		runs   string
		change func(*journal.Entry) // nil: no upgrade was made
		day    bool
		box    *blackbox.Report
		kept   bool // with the upgrade
		why    string
	}{
		"a trial":                     {v2, func(*journal.Entry) {}, false, nil, true, ""},
		"after a trial":               {v1, func(*journal.Entry) {}, false, &blackbox.Report{Slot: layout.B, GivenUp: true, Tries: 3}, true, ""},
		"another trial, later":        {v2, func(e *journal.Entry) { e.Tried = noon.Add(2 * time.Hour) }, false, nil, false, ""},
		"the day after":               {v2, good, true, nil, true, "the kernel panicked: Oops, found 2h0m0s after the slot was marked good"},
		"given up on the day after":   {v1, good, false, &blackbox.Report{Slot: layout.B, GivenUp: true, Why: "after good: 3 starts", Root: journal.ShortRoot(v2)}, true, ""},
		"any other day":               {v2, good, false, nil, false, ""},
		"a machine as it was flashed": {v1, nil, false, nil, false, ""},
	} {
		m, fake := machine(t, c.runs)
		if c.box != nil {
			m.Reports = []blackbox.Report{*c.box}
		}
		if c.change != nil {
			upgraded(t, m, c.change)
		}
		var day *aftergood.Keeper
		if c.day {
			day = watched(t)
		}
		why, err := Look(m, day, false, noon.Add(2*time.Hour))
		if err != nil || why != c.why {
			t.Errorf("%s: %q, %v", name, why, err)
		}
		j, err := journal.Read(m.Path(journal.File))
		if err != nil {
			t.Fatal(err)
		}
		got := nodeupgrade.Console{}
		for _, e := range j.Entries {
			got = e.Console
		}
		if c.kept != cmp.Equal(got, want) || !c.kept && len(got.Lines) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if !strings.Contains(fake.String(), File) {
			t.Errorf("%s: %s is not written", name, File)
		}
		if left, _ := filepath.Glob(m.Path(pstore.Dir) + "/*"); len(left) != 0 {
			t.Errorf("%s: %q", name, left)
		}
	}
}

// TestNotStored: what cannot be stored stays where the kernel kept it.
func TestNotStored(t *testing.T) {
	for name, change := range map[string]func(*boot.Machine, *sys.Fake){
		"the log":        func(_ *boot.Machine, f *sys.Fake) { f.Fail = map[string]error{File: os.ErrPermission} },
		"the record":     func(m *boot.Machine, _ *sys.Fake) { _ = os.WriteFile(m.Path("/var"), nil, 0o600) },
		"a live system":  func(m *boot.Machine, _ *sys.Fake) { m.Line.Mode = images.Live },
		"data in memory": func(m *boot.Machine, _ *sys.Fake) { m.DataErr = os.ErrInvalid },
	} {
		m, fake := machine(t, v1)
		change(m, fake)
		_, err := Look(m, nil, false, noon)
		if left, _ := filepath.Glob(m.Path(pstore.Dir) + "/*"); len(left) != 1 || (err == nil) != (m.Line.Mode == images.Live || m.DataErr != nil) {
			t.Errorf("%s: %q, %v", name, left, err)
		}
	}
}

// TestText: the newest dumps that fit, the newest last.
func TestText(t *testing.T) {
	got := string(text([]pstore.Dump{{When: noon, Text: "new\n"}, {When: noon, Text: "old"}, {When: noon, Text: strings.Repeat("x", maxFile)}}))
	if want := "=== a boot that was lost, by its clock at 2026-01-02T12:00:00Z\n"; got != want+"old\n"+want+"new\n" {
		t.Errorf("%q", got)
	}
}
