package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
	"golang.org/x/sys/unix"
)

// Trial is what the boot state said when this start began. Stage 1 hands it to stage 2.
type Trial struct {
	Known bool          `json:"known"`
	On    bool          `json:"on"`
	Left  int           `json:"left"`
	Other slot.Standing `json:"other"`
}

// Try is the number of this try, 0 without a trial.
func (t Trial) Try() int {
	if !t.On {
		return 0
	}
	return min(max(box.MaxTries-t.Left, 1), box.MaxTries)
}

// Restart reports whether another start can be better than this one: there are tries left, or a good slot takes over. A first
// installation that has used up its tries is not restarted any more, however slow or broken it is: that would never end.
func (t Trial) Restart() bool { return t.Known && t.On && (t.Left > 0 || t.Other.Good) }

// openBox finds out, as soon as the disk is known, whether this start is a trial, and if so begins to record it. The boot partition is
// looked at and let go again: what comes later mounts it for good. Nothing here keeps the machine from booting.
func openBox(_ context.Context, m *Machine) error {
	part, err := m.sibling(string(layout.Boot))
	if err == nil {
		err = m.lookAt(part)
	}
	if err != nil {
		m.Logf("boot state: %v", err)
	}
	m.patience()
	return nil
}

// patience lifts the limits of all steps unless a restart can help.
func (m *Machine) patience() {
	if !m.Found.Trial.Restart() {
		m.Guard.Patient()
	}
}

// lookAt reads the boot state from a boot partition, and finds the box there if it is needed.
func (m *Machine) lookAt(part string) error {
	return m.mounted(part, func() error {
		err := m.readTrial()
		if err == nil && m.Found.Trial.On {
			m.record(blackbox.Find(BootDir+"/"+box.File, "/dev/"+part))
		}
		return err
	})
}

// mounted runs use with a boot partition mounted at BootDir for the moment.
func (m *Machine) mounted(part string, use func() error) error {
	if err := m.Sys.MkdirAll(BootDir, 0o755); err != nil {
		return err
	}
	if err := m.Sys.Mount("/dev/"+part, BootDir, "vfat", unix.MS_RDONLY|bootFlags, ""); err != nil {
		return err
	}
	return errors.Join(use(), m.Sys.Unmount(BootDir, 0))
}

func (m *Machine) readTrial() error {
	s, err := m.Slots()
	if err != nil {
		return err
	}
	t := Trial{Known: true}
	if t.On, t.Left, err = s.Trial(); err != nil {
		return err
	}
	if t.Other, err = s.Standing(); err != nil {
		return err
	}
	m.Found.Trial = t
	return nil
}

// record begins to record this try at a place.
func (m *Machine) record(p blackbox.Place, err error) {
	if err != nil {
		m.Logf("black box: %v; the boot goes on without", err)
		return
	}
	if m.Line.RootHash == "" {
		return // no command line, and the boot is about to halt over that
	}
	m.Found.Box = &p
	root := m.Line.RootHash[:min(16, len(m.Line.RootHash))]
	m.Box = blackbox.Record(p, box.Record{Slot: layout.Slot(m.Line.Slot), Try: m.Found.Trial.Try(), Root: root}, SinceKernel, m.Logf)
}

// Resume takes over from stage 1 before the first step of stage 2: the record of a trial has no gap.
func Resume(m *Machine) {
	// mounts reads the file again, and halts if it cannot; so does read-cmdline.
	_ = readJSON(m.Path(handover), &m.Found)
	_ = readCmdline(m.Ctx, m)
	if m.Found.Box != nil {
		m.record(*m.Found.Box, nil)
	}
	m.patience()
}

// Recoverable reports whether a restart would help a boot that cannot go on. Stage 1 may not have found its disk: any boot partition
// then tells.
func Recoverable(m *Machine) bool {
	if m.Line.Slot == "" {
		return false
	}
	for _, part := range blockdev.Named(m.Root, string(layout.Boot)) {
		if m.Found.Trial.Known {
			break
		}
		if err := m.lookAt(part); err != nil {
			m.Logf("boot state on %s: %v", part, err)
		}
	}
	m.patience()
	return m.Found.Trial.Restart()
}

// readBox tells what has become of earlier trials, as early as there is a console and a disk: this boot may hang as well.
func readBox(_ context.Context, m *Machine) error {
	if !m.OnDisk() {
		return nil
	}
	m.ReadBox(layout.Shared)
	for _, r := range m.Reports {
		word := "TRIAL"
		if r.GivenUp {
			word = "FALLBACK"
		}
		m.Logf("%s %s", word, r)
		for _, line := range r.Lines() {
			m.Logf("%s %s", word, line)
		}
	}
	return nil
}

// ReadBox fills Reports from the box and the boot state, and keeps what only they or the boot loader know in the box. Of a slot that
// was renewed since the start nothing but the box counts.
func (m *Machine) ReadBox(renewed layout.Slot) {
	b, place, err := m.openedBox()
	if err != nil {
		m.Logf("black box: %v", err)
	}
	current := layout.Slot(m.Line.Slot)
	if renewed == current.Other() && strings.HasPrefix(m.Line.Fallback, string(renewed)) {
		m.Line.Fallback = ""
	}
	if m.Line.Fallback == "" && m.Found.Trial.Other.Skipped && renewed != current.Other() {
		m.Line.Fallback = string(current.Other()) + ":0" // the boot loader's script says it of trials only
	}
	f := blackbox.Facts{Current: current, Try: m.Found.Trial.Try(), Fallback: m.Line.Fallback}
	if s, err := m.Slots(); err == nil && renewed != current.Other() {
		f.Other, _ = s.Standing() // a state that cannot be read is reported by the status
	}
	m.Reports = blackbox.Tell(b, f)
	if v := blackbox.Verdict(b, m.Reports); v != nil && err == nil {
		if _, err := place.Put(*v); err != nil {
			m.Logf("black box: %v", err)
		}
	}
}

func (m *Machine) openedBox() (b box.Box, p blackbox.Place, err error) {
	if m.Found.Box == nil {
		file := BootDir + "/" + box.File
		if p, err = blackbox.Find(file, slot.Device(BootDir)); errors.Is(err, os.ErrNotExist) {
			return b, p, fmt.Errorf("%s: made by an older release, which had none", file)
		}
		if err != nil {
			return b, p, err
		}
		m.Found.Box = &p
	}
	raw, err := m.Found.Box.Read()
	return box.Parse(raw), *m.Found.Box, err
}
