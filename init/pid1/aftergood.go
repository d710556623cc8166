package pid1

import (
	"fmt"
	"time"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/shutdown"
)

// judgeLastEnd gives a slot up that was marked good and did not stay so: before anything is started, because that may be
// what ends the machine. It does not return then.
func (k *keeper) judgeLastEnd() {
	b := aftergood.Boot{Slot: k.m.Line.Slot, Root: k.rootName(), Trial: k.m.Found.Trial.On, Now: time.Now()}
	if since, unclear := k.day.Unclear(); unclear {
		b.Cause = aftergood.Cause(k.m.Sys, k.m.Root, k.dogs.Reset(), since)
	}
	why, err := k.day.Started(b)
	if err != nil {
		k.con.Logf("%s: %v", aftergood.File, err)
	}
	if why == "" {
		return
	}
	next, err := k.leave(box.AfterGood, why)
	if err != nil {
		k.con.Logf("slot %s: %s; it stays, because %v", k.m.Line.Slot, why, err)
		return
	}
	k.down(fmt.Sprintf("slot %s: %s; %s", k.m.Line.Slot, why, next), shutdown.Reboot)
}

// watchAfterGood begins to watch a slot whose trial has ended well, if there is one to go back to.
func (k *keeper) watchAfterGood() {
	if t := k.m.Found.Trial; !t.On || !t.Other.Good {
		return
	}
	if err := k.day.Good(k.m.Line.Slot, k.rootName(), time.Now()); err != nil {
		k.con.Logf("%s: %v", aftergood.File, err)
	}
}

// rootName identifies the running system as the black box does.
func (k *keeper) rootName() string { return k.m.Line.Root.Hash[:min(16, len(k.m.Line.Root.Hash))] }

// lookAfterGood is called at every look.
func (k *keeper) lookAfterGood() {
	if err := k.day.Look(time.Now()); err != nil {
		k.con.Logf("%s: %v", aftergood.File, err)
	}
}
