package boot

import (
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
)

// mountSlot mounts a slot's own boot partition at /run/proa/boot-SLOT.
func (m *Machine) mountSlot(own map[layout.Slot]slot.OwnPart) func(layout.Slot, bool, func(string) error) error {
	return func(of layout.Slot, write bool, use func(dir string) error) error {
		part, ok := own[of]
		if !ok {
			return fmt.Errorf("slot %q has no boot partition", of)
		}
		return slot.Mounted(m.Sys, m.Root, part.Dev, RunDir+"/boot-"+string(of), bootFlags, write, use)
	}
}
