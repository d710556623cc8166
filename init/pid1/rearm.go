package pid1

import (
	"fmt"
	"time"

	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
)

// rearm is for firmware that starts a slot on trial once and knows no number of tries: the good slot, which runs after a try has
// failed, asks for the next one before it starts anything. It does not come back then.
func (k *keeper) rearm() {
	again, err := k.asksAgain()
	if err != nil {
		k.con.Logf("boot state: %v", err) // the good slot runs, which is what a trial would end in
	}
	if again {
		k.armed = true
		k.down(fmt.Sprintf("slot %s is on trial and has tries left", k.slots.Other()), shutdown.Reboot)
	}
}

// asksAgain also tells, as other boot loaders do on the command line, that a trial was given up.
func (k *keeper) asksAgain() (bool, error) {
	t, ok := k.slots.(slot.Trier)
	if !ok {
		return false, nil
	}
	if again, err := t.Rearm(); again || err != nil {
		return again, err
	}
	if k.m.Line.Fallback == "" {
		k.m.Line.Fallback = t.Fallback()
	}
	return false, nil
}

// argument is what a restart tells the firmware. Without the boot state it tells nothing, and the good slot runs.
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

// armWait is longer than a verb holds the lock that ends with its process: none runs any more when the argument is asked for.
const armWait = 5 * time.Second

func (k *keeper) arm(t slot.Trier) (again bool, err error) {
	lock, err := k.lock(armWait)
	if err != nil {
		return false, err
	}
	defer lock.Close()
	return t.Arm()
}
