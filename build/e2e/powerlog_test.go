package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
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

// upgrader is a way to upgrade a machine. prepare returns the commands that write a slot, whose content is in standard
// input or on a server or on the machine, and that try it.
type upgrader struct {
	name    string
	prepare func(m *machine, to layout.Slot, s slotimage.Slot) ordered
}

// ordered is an upgrade that has been prepared.
type ordered struct {
	write, try string
	stdin      io.Reader // of write
}

// byEngine is `proa upgrade`, from a release on a web server, by a patch from the system that the image has.
var byEngine = upgrader{"upgrade", func(m *machine, _ layout.Slot, s slotimage.Slot) ordered {
	dir := m.own.TempDir()
	site := m.served(released(m.t, dir, releasing.Options{}, m.slot(), s))
	return ordered{write: "proa upgrade fetch " + site, try: "proa upgrade apply --no-reboot " + site}
}}

// bySlotFile is `proa slot`. The slot file is transferred before the recording begins, if the adapter is slow.
var bySlotFile = upgrader{"slot", func(m *machine, to layout.Slot, s slotimage.Slot) ordered {
	name, content := m.give(s)
	return ordered{"proa slot write " + string(to) + " " + name, "proa slot try " + string(to), content}
}}

// wayOf returns the way that PROA_POWER_BY names: upgrade, which is the default, or slot.
func wayOf(t *testing.T) upgrader {
	t.Helper()
	switch os.Getenv("PROA_POWER_BY") {
	case "", byEngine.name:
		return byEngine
	case bySlotFile.name:
		return bySlotFile
	}
	t.Fatalf("PROA_POWER_BY is upgrade or slot")
	return upgrader{}
}

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
	for range before {
		m.upgradeBy(up.prepare(m, r.From.Other(), newer(t, m.slot(), "v1.1.0")), r.From.Other(), func(phase) {})
		r.From = r.From.Other()
	}
	s := newer(t, m.slot(), "v1.2.0")
	err := files.Create(r.file(slotFile), func(f *os.File) error { return s.Write(f, nil) })
	order := up.prepare(m, r.From.Other(), s)
	m.off()
	err = errors.Join(err, qemu.Copy(r.file(baseFile), m.spec.Image, 0),
		os.WriteFile(r.file(logFile), nil, 0o600), os.WriteFile(r.file(keyFile), m.key.PEM, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	r.Disk, m.spec.WriteLog = m.diskSize(), r.file(logFile)
	m.powerOn()
	m.untilGood(m.bootBudget())
	m.upgradeBy(order, r.From.Other(), func(p phase) { r.begin(t, p) })
	m.off()
}

// slot is that of the machine's board, with what QEMU needs on the command line.
func (m *machine) slot() slotimage.Slot {
	m.t.Helper()
	s := realSlot(m.t, m.options)
	s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)
	return s
}

// upgradeBy upgrades a machine until the new slot is good. begin is called when a phase begins.
func (m *machine) upgradeBy(o ordered, to layout.Slot, begin func(phase)) {
	m.t.Helper()
	begin(written)
	m.run(o.write, o.stdin)
	begin(trying)
	m.run(o.try, nil)
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
