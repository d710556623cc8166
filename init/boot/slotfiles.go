package boot

import (
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
)

// slotPart is a slot's own boot partition.
type slotPart struct {
	dev    string
	number int // in the partition table
}

// slotPartitions returns those on the disk. One whose number the kernel does not tell is missing, and cannot be used.
func (m *Machine) slotPartitions(on slot.Disk) map[layout.Slot]slotPart {
	own := map[layout.Slot]slotPart{}
	for _, of := range layout.Slots() {
		part := on.Part(layout.Boot.Of(of))
		if n, err := blockdev.Number(m.Root, part); err == nil {
			own[of] = slotPart{m.Path("/dev/" + part), n}
		}
	}
	return own
}

// mountSlot mounts a slot's own boot partition at /run/proa/boot-SLOT.
func (m *Machine) mountSlot(own map[layout.Slot]slotPart) func(layout.Slot, bool, func(string) error) error {
	return func(of layout.Slot, write bool, use func(dir string) error) error {
		part, ok := own[of]
		if !ok {
			return fmt.Errorf("slot %q has no boot partition", of)
		}
		return slot.Mounted(m.Sys, m.Root, part.dev, RunDir+"/boot-"+string(of), bootFlags, write, use)
	}
}
