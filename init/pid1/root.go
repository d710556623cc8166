package pid1

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
)

// checkRoot looks whether blocks of the root that runs do not match their tree any more. What needs them fails, sooner or later PID 1
// itself; so while it still can, the machine goes to its other slot, in order, or says that there is none.
func (k *keeper) checkRoot() {
	if k.corrupt == nil || k.damage != "" || !k.m.OnDisk() {
		return
	}
	bad, err := k.corrupt()
	if err != nil || !bad {
		return // a kernel that does not tell leaves things as they are
	}
	const what = "a block of the root does not match its tree"
	next, err := k.leave(what)
	if errors.Is(err, slot.ErrBusy) {
		return // a verb changes the slots: at the next look
	}
	k.damage = fmt.Sprintf("root of slot %s is damaged: %s", k.m.Line.Slot, what)
	if err != nil {
		k.damage += fmt.Sprintf("; %v; flash it anew, or write the other slot", err)
		k.con.Logf("%s", k.damage)
		return
	}
	k.con.Logf("%s", k.damage)
	k.end(fmt.Sprintf("%s; %s", k.damage, next), shutdown.Reboot)
}

// leave prepares that another start does better: one more try of a trial, or the other slot. It says what comes next.
func (k *keeper) leave(what string) (next string, err error) {
	if k.m.Found.Trial.On && !k.good && k.m.Found.Trial.Restart() {
		k.m.Box.GiveUp("running", what)
		return "restarting", nil
	}
	lock, err := k.lock(0)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	return "the other slot takes over", boot.TakeOver(k.m, "running", what)
}
