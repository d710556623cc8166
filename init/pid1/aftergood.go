package pid1

import (
	"time"

	"github.com/proa-os/proa/init/aftergood"
)

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
