package boot

import (
	"errors"
	"fmt"
	"io"
	"os"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/step"
	"golang.org/x/sys/unix"
)

// OfSlot says that a boot ended for a reason that lies in its slot, so that the other slot may do better.
func OfSlot(err error) bool {
	var e *step.Error
	return errors.As(err, &e) && e.Policy == step.Rollback
}

// TakeOver has the other slot started from now on, because this one was good and cannot be started any more: where, and why. nil says
// that a restart will start the other one. It refuses unless the other slot is whole as far as can be told and was good once; what was
// given up is never gone back to, so that two broken slots end in a halt.
func TakeOver(m *Machine, where, why string) error {
	if !m.OnDisk() || m.Line.Slot == "" {
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
		if err := slotwrite.Intact(m.Ctx, slotwrite.Target{Slots: s, Device: device, Board: m.Line.Board}); err != nil {
			return fmt.Errorf("%w: slot %s: %w", slot.ErrNoOther, s.Other(), err)
		}
		if err := s.GiveUp(); err != nil {
			return err
		}
		m.Line.Fallback = ""
		m.keepWhy(s.Current(), where, why)
		return nil
	})
}

// keepWhy leaves the reason where the other slot finds it. Without a box the boot state alone says that this slot was given up.
func (m *Machine) keepWhy(of layout.Slot, where, why string) {
	p, err := blackbox.Find(BootDir+"/"+box.File, slot.Device(BootDir))
	if err == nil {
		_, err = p.Put(box.Record{Slot: of, State: box.GivenUp, After: SinceKernel(), Step: where, Error: why})
	}
	if err != nil {
		m.Logf("black box: %v", err)
	}
}

// withBoot runs use with the boot partition of this machine mounted: stage 2 has it there already.
func (m *Machine) withBoot(use func() error) error {
	if bootMounted() {
		return use()
	}
	parts := blockdev.Named(m.Root, string(layout.Boot))
	err := fmt.Errorf("%w: no partition is called %s", slot.ErrNoOther, layout.Boot)
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
				return fmt.Errorf("%w: the boot partition on %s is of another system", slot.ErrNoOther, disk)
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

// bootsThis: several disks may hold proa; the one whose manifest names the root that was asked for has started this system.
func (m *Machine) bootsThis() (is bool) {
	s, err := m.Slots()
	if err != nil {
		return false
	}
	_ = s.Files(s.Current(), false, func(dir string) error { // what cannot be read is not this system
		text, err := os.ReadFile(dir + "/" + slotfile.ManifestName)
		if err != nil {
			return err
		}
		manifest, err := slotfile.ParseManifest(text)
		is = err == nil && manifest.Root.Hash == m.Line.RootHash
		return err
	})
	return is
}

// readInit reads the program that the root will start, to its end: a block of it that does not match the tree would end PID 1 later, when
// nobody can choose another slot any more.
func (m *Machine) readInit() error {
	root, err := os.Open(m.Path(newRoot))
	if err != nil {
		return err
	}
	defer root.Close()
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT} // links of that root are meant for it
	fd, err := unix.Openat2(int(root.Fd()), initPath, &how)
	if err != nil {
		return fmt.Errorf("open %s: %w", initPath, err)
	}
	f := os.NewFile(uintptr(fd), initPath)
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return fmt.Errorf("read %s: %w", initPath, err)
	}
	return nil
}
