package lastend

import (
	"errors"
	"time"

	"github.com/proa-os/proa/config/step"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/timeline"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/settle"
)

// Judge looks how the last boot ended, and restarts the machine into the other slot if this one was marked good and did not
// stay so; then it does not return. What cannot be stored is only told: it must not keep a new slot from being good. version
// is that of the running system; flush waits for the console.
func Judge(m *boot.Machine, day *aftergood.Keeper, reset bool, version string, flush func()) {
	why, err := Look(m, day, reset, time.Now())
	if err != nil {
		m.Logf("last boot: %v", err)
	}
	if why == "" {
		arrived(m, day)
		return
	}
	if err := leave(m, why, version); err != nil {
		m.Logf("slot %s: %s; it stays, because %v", m.Line.Slot, why, err)
		arrived(m, day)
		return
	}
	m.Logf("going down: slot %s: %s; the other slot takes over, %s", m.Line.Slot, why, shutdown.Reboot)
	none := func() {} // no service runs yet
	shutdown.Run(&shutdown.Machine{Sys: m.Sys, Root: m.Root, Logf: m.Logf, Clock: boot.SinceKernel, Flush: flush, Record: none, StopServices: none, SaveClock: none,
		SaveTimeline: func(done []step.Result) error {
			return errors.Join(day.Ended(), timeline.SaveShutdown(m.Sys, done))
		}, Argument: func() string { return "" }, Ending: none, End: shutdown.Reboot})
}

// leave makes the other slot the default.
func leave(m *boot.Machine, why, version string) error {
	lock, err := slot.Lock(slot.LockFile, 0)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err = boot.TakeOver(m, box.AfterGood, why); err == nil {
		settle.GaveUp(m, version, why)
	}
	return err
}

// arrived ends the count of boots that were lost before this one could be judged (boot step black-box of stage 1).
func arrived(m *boot.Machine, day *aftergood.Keeper) {
	if m.Found.Box == nil || m.Found.Trial.On {
		return
	}
	_, watched := day.Watched()
	if err := m.Found.Box.Arrived(m.Line.Slot, journal.ShortRoot(m.Line.Root.Hash), watched); err != nil {
		m.Logf("black box: %v", err)
	}
}
