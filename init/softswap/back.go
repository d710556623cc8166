package softswap

import (
	"fmt"
	"time"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/slot"
)

// lockWait is for a verb that changes the slots, and is about to end.
const lockWait = 5 * time.Second

// Back is called before the restart of a trial that has failed. If the slot runs by soft swap the next boot starts the slot
// from before: the boot loader has not counted this try, and would make three more. The black box has the step that
// failed already.
func Back(m *boot.Machine) {
	if m.Found.Swap == nil {
		return
	}
	if err := back(m); err != nil {
		m.Logf("%v; the boot loader tries slot %s now", err, m.Line.Slot)
	}
}

func back(m *boot.Machine) error {
	lock, err := slot.Lock(m.Path(slot.LockFile), lockWait)
	if err != nil {
		return err
	}
	defer lock.Close()
	slots, err := m.Slots()
	if err != nil {
		return err
	}
	return giveBack(slots, m.Found.Box, m.Found.Trial.Try())
}

// giveBack changes the boot state, and then says in the black box that the slot was given up.
func giveBack(slots slot.Slots, place *blackbox.Place, try int) error {
	if err := slots.Rollback(); err != nil {
		return fmt.Errorf("go back to slot %s: %w", slots.Other(), err)
	}
	if place == nil {
		return nil
	}
	_, err := place.Put(box.Record{Slot: slots.Current(), State: box.GivenUp, Try: try, After: boot.SinceKernel()})
	return err
}
