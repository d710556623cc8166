package boot

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config/step"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

// TestTrial: the number of the try, and whether a restart can help, which keeps a machine from restarting forever.
func TestTrial(t *testing.T) {
	good := slot.Standing{Good: true}
	for _, c := range []struct {
		name    string
		t       Trial
		try     int
		restart bool
	}{
		{"not known", Trial{}, 0, false},
		{"no trial", Trial{Known: true, Other: good}, 0, false},
		{"first try", Trial{Known: true, On: true, Left: 2, Other: good}, 1, true},
		{"last try", Trial{Known: true, On: true, Left: 0, Other: good}, 3, true},
		{"new machine", Trial{Known: true, On: true, Left: 2}, 1, true},
		{"new machine, last try and ever after", Trial{Known: true, On: true}, 3, false},
		{"a try that was not counted", Trial{Known: true, On: true, Left: 3, Other: good}, 1, true},
	} {
		if c.t.Try() != c.try || c.t.Restart() != c.restart {
			t.Errorf("%s: try %d, restart %t; want %d, %t", c.name, c.t.Try(), c.t.Restart(), c.try, c.restart)
		}
	}
}

// TestSlowIsNotHung: for a slot that a restart would not help the watchdog is fed without limits; for one on trial it
// is not.
func TestSlowIsNotHung(t *testing.T) {
	for name, c := range map[string]struct {
		trial Trial
		fed   bool
	}{
		"good":        {Trial{Known: true}, true},
		"not known":   {Trial{}, true},
		"new machine": {Trial{Known: true, On: true}, true},
		"trial":       {Trial{Known: true, On: true, Other: slot.Standing{Good: true}}, false},
	} {
		dev := t.TempDir()
		file := filepath.Join(dev, "watchdog0")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		m, _ := machine(t, nil)
		m.Guard, m.Found.Trial = &watchdog.Guard{Dogs: watchdog.In(dev)}, c.trial
		m.patience()
		m.Guard.Begin("stage2 data", -1)
		m.Guard.Start()
		m.Guard.End()
		if got, _ := os.ReadFile(file); (len(got) > 0) != c.fed {
			t.Errorf("%s: fed %d times", name, len(got))
		}
	}
}

// TestStepsAreRecorded: each step is recorded before it runs, and so is the failure of a step after which the boot
// continues.
func TestStepsAreRecorded(t *testing.T) {
	m, file := boxed(t, 1)
	at := func() string {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return box.Parse(raw).Report(layout.B).String()
	}
	var seen []string
	look := func(err error) func(context.Context, *Machine) error {
		return func(context.Context, *Machine) error { seen = append(seen, at()); return err }
	}
	_, err := Run(t.Context(), "stage2", []Step{
		{"mounts", look(nil), step.Halt, 0}, {"clock", look(errors.New("no RTC")), step.Warn, 0}, {"persist", look(nil), step.Halt, 0},
		{"overlay-etc", look(errors.New("no module")), step.Halt, 0},
	}, m)
	if err == nil {
		t.Error("the list went on")
	}
	seen = append(seen, at())
	for i, want := range []string{"stage2 mounts (started at ", "stage2 clock (started at ", "stage2 persist (started at ", "stage2 overlay-etc (started at ", "stage2 overlay-etc (failed: no module)"} {
		if !strings.Contains(seen[i], want) {
			t.Errorf("%d: %s, want %s", i, seen[i], want)
		}
	}
}

// TestResume: stage 2 continues the record of stage 1, with its sectors and try, before its first step.
func TestResume(t *testing.T) {
	first, file := boxed(t, 3)
	text, err := json.Marshal(first.Found)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := machine(t, map[string]string{"run/proa/stage1.json": string(text), "proc/cmdline": strings.Replace(goodLine, "proa.slot=a", "proa.slot=b", 1)})
	Resume(m)
	if d := cmp.Diff(first.Found, m.Found); d != "" {
		t.Error(d)
	}
	m.Box.Begin("stage2 mounts")
	raw, _ := os.ReadFile(file)
	if got := box.Parse(raw).Report(layout.B); len(got.Left) != 1 || got.Left[0].Try != 3 || got.Left[0].Step != "stage2 mounts" {
		t.Errorf("%+v", got)
	}
	m, _ = machine(t, nil) // without stage 1, as if not on trial
	if Resume(m); m.Box != nil || m.Found.Trial.Restart() {
		t.Errorf("%+v", m.Found)
	}
}

// boxed returns a machine whose slot b is on trial, with its black box in a file.
func boxed(t *testing.T, try int) (*Machine, string) {
	t.Helper()
	m, _ := machine(t, nil)
	file := filepath.Join(t.TempDir(), "boot")
	if err := os.WriteFile(file, box.New(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := blackbox.Place{Device: file}
	for i := range box.Sectors {
		p.At = append(p.At, int64(i*layout.Sector))
	}
	if _, err := p.Read(); err != nil {
		t.Skipf("no direct access: %v", err)
	}
	m.Line.Slot, m.Line.Root.Hash = "b", strings.Repeat("0", 64)
	m.Found.Trial = Trial{Known: true, On: true, Left: box.MaxTries - try, Other: slot.Standing{Good: true}}
	m.record(p, nil)
	return m, file
}

// TestWatchdogFirst: watchdog drivers and their dependencies are loaded before all others, which may hang, and the
// watchdog is fed.
func TestWatchdogFirst(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	dir := "lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/"
	m, f := machine(t, map[string]string{
		dir + "modules.dep":         "kernel/ahci.ko:\nkernel/watchdog.ko:\nkernel/i6300esb.ko: kernel/watchdog.ko\nkernel/i2c-i801.ko:\n",
		dir + "modules.alias":       "alias pci:v00008086d00002922sv* ahci\nalias pci:v00008086d000025ABsv* i6300esb\nalias pci:v00008086d00002930sv* i2c_i801\n",
		"sys/devices/0/modalias":    "pci:v00008086d00002922sv0",
		"sys/devices/1/modalias":    "pci:v00008086d000025ABsv0",
		"sys/devices/2/modalias":    "pci:v00008086d00002930sv0",
		"sys/devices/none/modalias": "",
		"dev/watchdog0":             "",
	})
	m.Guard = &watchdog.Guard{Dogs: watchdog.In(m.Path("/dev"))}
	if err := startWatchdog(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Guard.End()
	want := "module /" + dir + "kernel/watchdog.ko\nmodule /" + dir + "kernel/i6300esb.ko\nmodule /" + dir + "kernel/i2c-i801.ko\n"
	if d := cmp.Diff(want, f.String()); d != "" {
		t.Error(d)
	}
	if fed, _ := os.ReadFile(m.Path("/dev/watchdog0")); len(fed) != 1 || m.Guard.Count() != 1 {
		t.Errorf("fed %d times", len(fed))
	}
}
