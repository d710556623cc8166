// Package pid1 is the process that never ends: it runs the stage that its root calls for, starts the services, and then waits for
// signals, buttons and state changes until the machine goes down. It holds the order of these things and leaves each to its package.
package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/power"
	"github.com/proa-os/proa/init/proc"
	bootstep "github.com/proa-os/proa/init/step"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

// Main is the life of PID 1. version is what the binary was built from; open makes the door to the kernel, given who starts commands.
func Main(version string, open func(sys.Runner) sys.Sys) {
	con := console.Open()
	defer forever(con)
	defer func() {
		if p := recover(); p != nil {
			con.Logf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if inInitramfs() {
		stage1(con, &boot.Machine{Sys: open(nil), Ctx: ctx, Flush: con.Flush})
		return
	}
	reaper := proc.New(ctx)
	stage2(con, &boot.Machine{Sys: open(reaper.Run), Ctx: ctx, Logf: con.Logf}, reaper, version)
}

// forever is where PID 1 goes when nothing is left to do: a PID 1 that ends is a kernel panic without a reason on the screen.
func forever(con *console.Console) {
	con.Logf("PID 1 has nothing left to do; restart the machine")
	for {
		con.Reopen()
		time.Sleep(time.Hour)
	}
}

// inInitramfs: only an initramfs carries /init at its root.
func inInitramfs() bool {
	var st unix.Statfs_t
	if unix.Statfs("/", &st) != nil {
		return false
	}
	kind := uint32(st.Type) // signed, and of another width, on each architecture
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
}

func stage1(con *console.Console, m *boot.Machine) {
	early := func(format string, args ...any) { con.Reopen(); con.Logf(format, args...) }
	m.Logf = early
	m.Guard = guard(con, m)
	list := boot.Stage1Disk()
	if m.IsLive() {
		list = boot.Stage1Live()
	}
	_, err := boot.Run(m.Ctx, "stage1", list, m)
	giveUp(con, m, "stage1", err)
}

// guard watches the steps. A slot on trial whose step hangs is restarted by the hardware, and before that, if the kernel still does
// as it is told, by PID 1: not every machine has a watchdog.
func guard(con *console.Console, m *boot.Machine) *watchdog.Guard {
	return &watchdog.Guard{Dogs: watchdog.In(m.Path("/dev")).Heed(m.Path("/proc/cmdline")), Logf: con.Logf, Late: func(step string, limit time.Duration) {
		con.Logf("HUNG %s: not done after %s", step, limit)
		m.Box.GiveUp("", "not done after "+limit.String())
		if m.Found.Trial.Restart() {
			restart(con, m.Sys)
		}
	}}
}

// restart does not wait for a disk that hangs.
func restart(con *console.Console, s sys.Sys) {
	con.Flush()
	done := make(chan struct{})
	go func() { defer close(done); s.Sync() }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
	_ = s.Restart("") // the watchdog is all that is left
}

// halted is how long the reason stands on the screen before a slot on trial is restarted; the black box keeps it.
const halted = 10 * time.Second

// giveUp ends a boot that cannot go on. A slot on trial is restarted, so that its counter falls and the other slot gets its
// turn; one that was good and is broken now hands over to the other; where no restart can change anything, the machine stays up with the reason in view.
func giveUp(con *console.Console, m *boot.Machine, list string, err error) {
	con.Logf("HALTED %v", err)
	m.Guard.Begin("halted", 2*halted)
	if boot.Recoverable(m) {
		m.Box.GiveUp(where(list, err))
		con.Logf("slot %s is on trial; restarting in %s", m.Line.Slot, halted)
		time.Sleep(halted)
		restart(con, m.Sys)
	}
	if boot.OfSlot(err) {
		takeOver(con, m, list, err)
	}
	m.Guard.Patient()
	con.Logf("staying up, because a restart would end here again; ctrl-alt-del restarts")
	_ = m.Sys.CatchCtrlAltDel() // the kernel restarts by itself then
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, unix.SIGINT)
	stayUp(con, m, err, interrupts)
}

// stayUp repeats why nothing goes on, for whoever comes to the screen late.
func stayUp(con *console.Console, m *boot.Machine, err error, interrupts <-chan os.Signal) {
	for {
		select {
		case <-interrupts:
			restart(con, m.Sys)
		case <-time.After(time.Minute):
			con.Logf("HALTED %v", err)
		}
	}
}

// takeOver restarts into the other slot where this one was good and is broken now, and comes back where there is no such slot.
func takeOver(con *console.Console, m *boot.Machine, list string, err error) {
	step, why := where(list, err)
	if no := boot.TakeOver(m, step, why); no != nil {
		con.Logf("HALTED slot %s cannot be started, and no other takes over: %v", m.Line.Slot, no)
		return
	}
	con.Logf("slot %s was good and cannot be started any more; the other slot takes over; restarting in %s", m.Line.Slot, halted)
	time.Sleep(halted)
	restart(con, m.Sys)
}

func stage2(con *console.Console, m *boot.Machine, reaper *proc.Reaper, version string) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	_ = m.Sys.CatchCtrlAltDel() // without it the kernel restarts the machine by itself, in no order
	m.Guard = guard(con, m)
	boot.Resume(m)
	m.Guard.Start() // the clock runs since stage 1
	results, err := boot.Run(m.Ctx, "stage2", boot.Stage2(), m)
	m.SaveTimeline()
	if err != nil {
		giveUp(con, m, "stage2", err)
	}
	k := newKeeper(m, con, reaper, version, failed(results))
	k.rearm()
	m.Guard.Begin("start services", 5*time.Minute)
	k.start(m.Ctx)
	m.Guard.End()
	k.run(m.Ctx, signals, power.Watch(m.Ctx, con.Logf))
}

// where is the step that ended a list, in the words of the black box, and why.
func where(list string, err error) (step, why string) {
	var e *bootstep.Error
	if errors.As(err, &e) {
		return list + " " + e.Step, e.Err.Error()
	}
	return list, fmt.Sprint(err)
}

func failed(results []bootstep.Result) (out []health.Failed) {
	for _, r := range results {
		if r.Failed() {
			out = append(out, health.Failed{Step: r.Name, Why: r.Error})
		}
	}
	return out
}
