package boot

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
	"golang.org/x/sys/unix"
)

// slotPart is a slot's own boot partition.
type slotPart struct {
	dev    string
	number int // in the partition table
}

// slotPartitions returns those on the disk that has the boot partition; nil unless each slot has one.
func slotPartitions(m *Machine, boot string) map[layout.Slot]slotPart {
	disk, own := blockdev.Disk(m.Root, filepath.Base(boot)), map[layout.Slot]slotPart{}
	for _, of := range layout.Slots() {
		for _, part := range blockdev.Named(m.Root, string(layout.Boot)+"-"+string(of)) {
			if n, err := blockdev.Number(m.Root, part); err == nil && disk != "" && blockdev.Disk(m.Root, part) == disk {
				own[of] = slotPart{m.Path("/dev/" + part), n}
			}
		}
	}
	if len(own) < len(layout.Slots()) {
		return nil
	}
	return own
}

// mountSlot mounts a slot's own boot partition at /run/proa/boot-SLOT. It is flushed and unmounted before the call
// returns.
func (m *Machine) mountSlot(own map[layout.Slot]slotPart) func(layout.Slot, bool, func(string) error) error {
	return func(of layout.Slot, write bool, use func(dir string) error) error {
		part, ok := own[of]
		if !ok {
			return fmt.Errorf("slot %q has no boot partition", of)
		}
		dir := RunDir + "/boot-" + string(of)
		if err := m.Sys.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		flags := uintptr(bootFlags)
		if !write {
			flags |= unix.MS_RDONLY
		}
		if err := m.Sys.Mount(part.dev, dir, "vfat", flags, "umask=0077,utf8=1"); err != nil {
			return err
		}
		err := use(m.Path(dir))
		if write {
			err = errors.Join(err, slot.SyncFS(m.Path(dir)))
		}
		return errors.Join(err, m.Sys.Unmount(dir, 0))
	}
}
