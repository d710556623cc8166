package boot

import (
	"context"
	"errors"
	"fmt"
	"os"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
	"golang.org/x/sys/unix"
)

// Trial is the boot state at the begin of this boot. Stage 1 passes it to stage 2.
type Trial struct {
	Known bool          `json:"known"`
	On    bool          `json:"on"`
	Left  int           `json:"left"`
	Other slot.Standing `json:"other"`
}

// Try returns the number of this try, 0 if the slot is not on trial.
func (t Trial) Try() int {
	if !t.On {
		return 0
	}
	return min(max(box.MaxTries-t.Left, 1), box.MaxTries)
}

// Restart says whether a restart can help: there are tries left, or a good slot takes over. A first installation that
// has used up its tries is not restarted any more, because it would restart forever.
func (t Trial) Restart() bool { return t.Known && t.On && (t.Left > 0 || t.Other.Good) }

// openBox determines whether this boot is a trial as soon as the disk is known, and if so begins to record it. The boot
// partition is mounted temporarily; a later step mounts it permanently. Errors here do not stop the boot.
func openBox(_ context.Context, m *Machine) error {
	part, err := m.sibling(string(layout.Boot))
	if err == nil {
		err = m.mounted(part, func() error {
			err := m.lookIn(part)
			if m.patience(); err == nil && !m.Found.Trial.On {
				m.countStart(part)
			}
			return err
		})
	}
	if err != nil {
		m.Logf("boot state: %v", err)
	}
	m.patience()
	return nil
}

// patience removes the time limits of all steps unless a restart can help.
func (m *Machine) patience() {
	if !m.Found.Trial.Restart() {
		m.Guard.Patient()
	}
}

// lookIn reads the boot state from a boot partition that is mounted, and finds the black box there if it is needed.
func (m *Machine) lookIn(part string) error {
	err := m.readTrial()
	if err == nil && m.Found.Trial.On {
		m.record(blackbox.Find(BootDir+"/"+box.File, "/dev/"+part))
	}
	return err
}

// mounted calls use with a boot partition mounted temporarily at BootDir.
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

// record begins to record this try in the black box at a place.
func (m *Machine) record(p blackbox.Place, err error) {
	if err != nil {
		m.Logf("black box: %v; continuing without it", err)
		return
	}
	if m.Line.Root.Hash == "" {
		return // no command line: the boot is about to halt because of that
	}
	m.Found.Box = &p
	m.Box = blackbox.Record(p, box.Record{Slot: m.Line.Slot, Try: m.Found.Trial.Try(), Root: m.rootName()}, SinceKernel, m.Logf)
}

// Resume continues the record of stage 1 before the first step of stage 2, so that it has no gap.
func Resume(m *Machine) {
	// The step mounts reads the file again and halts if it cannot; so does read-cmdline.
	_ = readJSON(m.Path(Handover), &m.Found)
	_ = readCmdline(m.Ctx, m)
	if m.Found.Box != nil {
		m.record(*m.Found.Box, nil)
	}
	m.patience()
}

// Recoverable says whether a restart would help a boot that cannot continue. If stage 1 has not found its disk, any
// boot partition is read.
func Recoverable(m *Machine) bool {
	if m.Line.Slot == layout.Shared {
		return false
	}
	for _, part := range blockdev.Named(m.Root, string(layout.Boot)) {
		if m.Found.Trial.Known {
			break
		}
		if err := m.mounted(part, func() error { return m.lookIn(part) }); err != nil {
			m.Logf("boot state on %s: %v", part, err)
		}
	}
	m.patience()
	return m.Found.Trial.Restart()
}

// readBox reports earlier trials as early as there is a console and a disk, because this boot may hang as well.
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

// ReadBox sets Reports from the black box and the boot state, and writes what only these or the boot loader know into
// the black box. For a slot that was written since the boot only the black box counts.
func (m *Machine) ReadBox(renewed layout.Slot) {
	b, place, err := m.openedBox()
	if err != nil {
		m.Logf("black box: %v", err)
	}
	current := m.Line.Slot
	if renewed == current.Other() && m.Line.Fallback.Slot == renewed {
		m.Line.Fallback = cmdline.Fallback{}
	}
	if m.Line.Fallback == (cmdline.Fallback{}) && m.Found.Trial.Other.Skipped && renewed != current.Other() {
		m.Line.Fallback = cmdline.Fallback{Slot: current.Other()} // the boot loader's script sets it for trials only
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
