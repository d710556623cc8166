package boot

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/config/step"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"golang.org/x/sys/unix"
)

// OfSlot says whether a boot failed for a reason within its slot, so that the other slot may work.
func OfSlot(err error) bool {
	var e *step.Error
	return errors.As(err, &e) && e.Policy == step.Rollback
}

// TakeOver makes the other slot the default, because this one was good and cannot be started any more: where and why.
// nil means that a restart will start the other one. It fails unless the other slot is complete as far as can be
// verified and was good once. A slot that was given up is never used again, so that with two broken slots the machine
// halts.
func TakeOver(m *Machine, where, why string) error {
	if !m.OnDisk() || m.Line.Slot == layout.Shared {
		return fmt.Errorf("%w: mode %s has one", slot.ErrNoOther, m.Line.Mode)
	}
	return m.withBoot(func() error {
		s, err := m.Slots()
		if err != nil {
			return err
		}
		device, err := m.RootPartition(s.Other())
		if err != nil {
			return fmt.Errorf("%w: %w", slot.ErrNoOther, err)
		}
		if err := slotwrite.Intact(m.Ctx, slotwrite.Target{Slots: s, Device: device, Board: m.Line.Board, Trust: m.Trust}); err != nil {
			return fmt.Errorf("%w: slot %s: %w", slot.ErrNoOther, s.Other(), err)
		}
		if err := s.GiveUp(); err != nil {
			return err
		}
		m.Line.Fallback = cmdline.Fallback{}
		m.keepWhy(s.Current(), where, why)
		return nil
	})
}

// keepWhy writes the reason to the black box for the other slot. Without a black box only the boot state says that this
// slot was given up.
func (m *Machine) keepWhy(of layout.Slot, where, why string) {
	p, err := blackbox.Find(BootDir+"/"+box.File, slot.Device(BootDir))
	if err == nil {
		_, err = p.Put(box.Record{Slot: of, State: box.GivenUp, After: SinceKernel(),
			Root: m.rootName(), Step: where, Error: why})
	}
	if err != nil {
		m.Logf("black box: %v", err)
	}
}

// withBoot calls use with the boot partition of this machine mounted; in stage 2 it is already.
func (m *Machine) withBoot(use func() error) error {
	if bootMounted() {
		return use()
	}
	parts := blockdev.Named(m.Root, string(layout.Boot))
	err := fmt.Errorf("%w: no partition is named %s", slot.ErrNoOther, layout.Boot)
	for _, part := range parts {
		disk := blockdev.Disk(m.Root, part)
		if m.Found.Disk != "" && disk != m.Found.Disk {
			continue
		}
		if err = m.mounted(part, func() error {
			was := m.Found.Disk
			m.Found.Disk = disk
			if was == "" && len(parts) > 1 && !m.bootsThis() {
				m.Found.Disk = was
				return fmt.Errorf("%w: the boot partition on %s belongs to another system", slot.ErrNoOther, disk)
			}
			return use()
		}); err == nil {
			return nil
		}
	}
	return err
}

func bootMounted() bool {
	var root, boot unix.Stat_t
	return unix.Stat("/", &root) == nil && unix.Stat(BootDir, &boot) == nil && root.Dev != boot.Dev
}

// bootsThis says whether this is the disk that started the system, if several have proa: its manifest has the root hash
// on the command line.
func (m *Machine) bootsThis() (is bool) {
	s, err := m.Slots()
	if err != nil {
		return false
	}
	_ = s.Files(s.Current(), false, func(dir string) error { // a disk that cannot be read is not this system's
		f, err := slottrust.Read(dir)
		is = err == nil && f.Manifest.Root.Hash == m.Line.Root.Hash
		return err
	})
	return is
}

// countStart counts this boot if the slot is watched because it is new, and restarts the machine into the other slot if it
// is lost again and again before stage 2 can judge that (init/lastend). The boot partition is mounted.
func (m *Machine) countStart(part string) {
	lost, err := blackbox.Starting(BootDir+"/"+box.File, "/dev/"+part, box.Record{Slot: m.Line.Slot, Root: m.rootName(), After: SinceKernel()})
	if err == nil && lost >= box.MaxTries {
		why := fmt.Sprintf("the machine was lost %d times early in a boot", lost)
		if err = TakeOver(m, box.AfterGood, why); err == nil {
			m.Logf("slot %s: %s; restarting, the other slot takes over", m.Line.Slot, why)
			m.Sys.Sync()
			err = m.Sys.Restart("")
		} else {
			err = fmt.Errorf("slot %s: %s; it stays, because %w", m.Line.Slot, why, err)
		}
	}
	if err != nil {
		m.Logf("black box: %v", err)
	}
}

// rootName identifies the root in the black box.
func (m *Machine) rootName() string { return m.Line.Root.Hash[:min(16, len(m.Line.Root.Hash))] }
