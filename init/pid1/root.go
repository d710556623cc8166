package pid1

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/softswap"
	"github.com/proa-os/proa/init/upgrade/settle"
)

// checkRoot checks whether dm-verity has found a corrupt block in the running root. Programs that need it fail, and
// sooner or later PID 1 itself; so the machine fails over to its other slot in order, or reports that there is none.
func (k *keeper) checkRoot() {
	if k.corrupt == nil || k.damage != "" || !k.m.OnDisk() {
		return
	}
	bad, err := k.corrupt()
	if err != nil || !bad {
		return // the kernel's status cannot be read: nothing changes
	}
	const what = "dm-verity: a block does not match its hash"
	next, err := k.leave("running", what)
	if errors.Is(err, slot.ErrBusy) {
		return // a verb changes the slots: retried at the next check
	}
	k.damage = fmt.Sprintf("root of slot %s is damaged: %s", k.m.Line.Slot, what)
	if err != nil {
		k.damage += fmt.Sprintf("; %v; write the other slot (proa slot write), or flash the disk again", err)
		k.con.Logf("%s", k.damage)
		return
	}
	k.con.Logf("%s", k.damage)
	k.end(fmt.Sprintf("%s; %s", k.damage, next), shutdown.Reboot)
}

// leave prepares a restart that helps: one more try of a trial, or the other slot. It returns what comes next. The black
// box says where and what.
func (k *keeper) leave(where, what string) (next string, err error) {
	if k.m.Found.Trial.On && !k.good && k.m.Found.Trial.Restart() {
		k.m.Box.GiveUp(where, what)
		softswap.Back(k.m)
		return "restarting", nil
	}
	lock, err := k.lock(0)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err = boot.TakeOver(k.m, where, what); err == nil {
		settle.GaveUp(k.m, k.version, what)
	}
	return "the other slot takes over", err
}
