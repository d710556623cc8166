package pid1

import (
	"fmt"
	"time"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
)

// rearm is for firmware that boots a slot on trial once and does not count tries: the good slot, which runs after a
// failed try, requests the next one before it starts anything. It does not return then.
func (k *keeper) rearm() {
	again, err := k.asksAgain()
	if err != nil {
		k.con.Logf("boot state: %v", err) // the good slot runs, which is the fallback anyway
	}
	if again {
		k.armed = true
		k.down(fmt.Sprintf("slot %s is on trial and has tries left", k.slots.Other()), shutdown.Reboot)
	}
}

// asksAgain also sets the fallback of a failed trial, which other boot loaders set on the command line.
func (k *keeper) asksAgain() (bool, error) {
	t, ok := k.slots.(slot.Trier)
	if !ok {
		return false, nil
	}
	if again, err := t.Rearm(); again || err != nil {
		return again, err
	}
	if k.m.Line.Fallback == (cmdline.Fallback{}) {
		k.m.Line.Fallback = t.Fallback()
	}
	return false, nil
}

// argument returns the argument of a restart for the firmware. If the boot state cannot be read it is empty, and the
// good slot runs.
func (k *keeper) argument(end shutdown.End) string {
	t, ok := k.slots.(slot.Trier)
	if !ok || end != shutdown.Reboot {
		return ""
	}
	if !k.armed {
		again, err := k.arm(t)
		if err != nil {
			k.con.Logf("boot state: %v", err)
		}
		if !again {
			return ""
		}
	}
	return t.Restart()
}

// armWait is longer than a verb that is being ended holds the lock: no verb runs any more when the argument is needed.
const armWait = 5 * time.Second

func (k *keeper) arm(t slot.Trier) (again bool, err error) {
	lock, err := k.lock(armWait)
	if err != nil {
		return false, err
	}
	defer lock.Close()
	return t.Arm()
}
