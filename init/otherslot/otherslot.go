// Package otherslot finds the slot of this machine that does not run, for the programs that write it. It refuses machines
// without slots, which run from a live medium.
package otherslot

import (
	"fmt"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/timeline"
)

// Find returns that slot, and the machine.
func Find(s sys.Sys) (t slotwrite.Target, m *boot.Machine, err error) {
	if m, err = boot.Running(s); err != nil {
		return t, m, err
	}
	if !m.OnDisk() {
		return t, m, fmt.Errorf("mode %s has no slots: flash a disk", m.Line.Mode)
	}
	if t.Slots, err = m.Slots(); err != nil {
		return t, m, err
	}
	t.Board, t.Trust = m.Line.Board, m.Trust
	t.Clock = boot.SinceKernel
	t.Timeline = func(done []step.Result) { _ = timeline.Save(s, done) } // the slot matters more than its timeline
	t.Renew = func() error { return blackbox.Renew(s, boot.BootDir, slot.Device(boot.BootDir), t.Slots.Other()) }
	t.Device, err = m.RootPartition(t.Slots.Other())
	return t, m, err
}
