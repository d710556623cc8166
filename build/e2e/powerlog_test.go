package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
)

// phase is a part of a recorded run.
type phase string

// The phases, in their order. The first has a whole boot, the fourth the restart and the trial boot until it is good, the
// last an orderly shutdown.
const (
	booting  phase = "boot"
	written  phase = "write"
	trying   phase = "try"
	trial    phase = "trial"
	stopping phase = "shutdown"
)

var phases = []phase{booting, written, trying, trial, stopping}

// upgrader is a way to upgrade a machine: what it is told, with the slot file on standard input or as a file on it.
type upgrader struct {
	name  string
	write func(m *machine, to layout.Slot, s slotimage.Slot) func()
	try   string
}

// byCommand is `proa slot`. The slot file is transferred before the recording begins, if the adapter is slow.
var byCommand = upgrader{"proa slot write and try", func(m *machine, to layout.Slot, s slotimage.Slot) func() {
	name, content := m.give(s)
	return func() { m.run("proa slot write "+string(to)+" "+name, content) }
}, "proa slot try "}

// recording is one upgrade of a machine as QEMU's write log has it.
type recording struct {
	Disk  int64           // bytes
	From  layout.Slot     // the slot that ran before
	Marks map[phase]int64 // length of the log when the phase began
	dir   string
}

func (r recording) file(name string) string { return filepath.Join(r.dir, name) }

// Files of a recording: the disk before it, the log, the slot that was written, the machine's SSH key, the rest as JSON.
const (
	baseFile, logFile, slotFile, keyFile, recordFile = "base.img", "log", "new.slot", "ssh-key", "recording.json"
)

// powerDisk is the size of the machine's disk: what the layout needs, and 1.5 GiB of data.
const powerDisk = 3 << 30

// recorded returns a recording in PROA_POWER_DIR, or makes it there; otherwise in a directory of the test. before is the
// number of upgrades that the machine has had.
func recorded(t *testing.T, o options, up upgrader, before int) recording {
	t.Helper()
	r := recording{dir: t.TempDir(), From: layout.A, Marks: map[phase]int64{}}
	if dir := os.Getenv("PROA_POWER_DIR"); dir != "" {
		r.dir = filepath.Join(dir, strings.TrimPrefix(t.Name(), "TestPowerCutsUpgrade/"))
		if text, err := os.ReadFile(r.file(recordFile)); err == nil {
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			t.Logf("recorded before in %s", r.dir)
			return r
		}
		if err := os.MkdirAll(r.dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.make(t, o, up, before)
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(r.file(recordFile), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// make runs the upgrades, the last one with the log. The machine has been good before, and is shut down in order at the
// end.
func (r *recording) make(t *testing.T, o options, up upgrader, before int) {
	t.Helper()
	m := start(t, o)
	m.untilGood(m.bootBudget())
	s := realSlot(t, o)
	s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)
	for range before {
		s.Version += "-next"
		m.upgradeBy(up, r.From.Other(), up.write(m, r.From.Other(), s), func(phase) {})
		r.From = r.From.Other()
	}
	s.Version += "-next"
	err := files.Create(r.file(slotFile), func(f *os.File) error { return s.Write(f, nil) })
	write := up.write(m, r.From.Other(), s)
	m.off()
	err = errors.Join(err, qemu.Copy(r.file(baseFile), m.spec.Image, 0),
		os.WriteFile(r.file(logFile), nil, 0o600), os.WriteFile(r.file(keyFile), m.key.PEM, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	r.Disk, m.spec.WriteLog = m.diskSize(), r.file(logFile)
	m.powerOn()
	m.untilGood(m.bootBudget())
	m.upgradeBy(up, r.From.Other(), write, func(p phase) { r.begin(t, p) })
	m.off()
}

// upgradeBy upgrades a machine until the new slot is good. begin is called when a phase begins.
func (m *machine) upgradeBy(up upgrader, to layout.Slot, write func(), begin func(phase)) {
	m.t.Helper()
	begin(written)
	write()
	begin(trying)
	m.run(up.try+string(to), nil)
	begin(trial)
	mark := m.Mark()
	m.node.Run(m.t.Context(), "proa reboot", nil) // the connection may end first
	m.expectAfter(mark, "proa: up slot="+string(to)+" ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	begin(stopping)
}

// begin notes where a phase begins in the log.
func (r *recording) begin(t *testing.T, p phase) {
	t.Helper()
	st, err := os.Stat(r.file(logFile))
	if err != nil {
		t.Fatal(err)
	}
	r.Marks[p] = st.Size()
}
