// Package pid1 is the main program of PID 1: it runs the stage for its root, starts the services, and then handles
// signals, buttons and state changes until the machine shuts down. The parts are in other packages; this one calls them
// in order.
package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	bootstep "github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/lastend"
	"github.com/proa-os/proa/init/power"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/softswap"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/tuning"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

// Main runs PID 1. version is the version in release.json; open returns the interface to the kernel, with the runner of
// commands.
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
		stage1(con, &boot.Machine{Sys: open(nil), Ctx: ctx, Flush: con.Flush, Trust: slottrust.Early("")})
		return
	}
	reaper := proc.New(ctx)
	get := func(ctx context.Context, argv, env []string, in []byte, limit int) ([]byte, error) {
		return reaper.Pipe(ctx, fetch.As(argv), argv, env, in, limit)
	}
	stage2(con, &boot.Machine{Sys: open(reaper.Run), Ctx: ctx, Logf: con.Logf, Fetch: get, Trust: slottrust.Installed("")}, reaper, version)
}

// forever blocks PID 1 when nothing is left to do: if it ended, the kernel would panic without a reason on the screen.
func forever(con *console.Console) {
	con.Logf("PID 1 has nothing left to do; restart the machine")
	for {
		con.Reopen()
		time.Sleep(time.Hour)
	}
}

// inInitramfs: only an initramfs has /init in its root directory.
func inInitramfs() bool {
	var st unix.Statfs_t
	if unix.Statfs("/", &st) != nil {
		return false
	}
	kind := uint32(st.Type) // the field's type differs by architecture
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

// guard returns the watchdog guard of the steps. A slot on trial whose step hangs is reset by the hardware, and before
// that restarted by PID 1 if the kernel still works, because not every machine has a watchdog.
func guard(con *console.Console, m *boot.Machine) *watchdog.Guard {
	return &watchdog.Guard{Dogs: watchdog.In(m.Path("/dev")).Heed(m.Path("/proc/cmdline")), Logf: con.Logf, Late: func(step string, limit time.Duration) {
		con.Logf("HUNG %s: not done after %s", step, limit)
		m.Box.GiveUp("", "not done after "+limit.String())
		softswap.Back(m)
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
	_ = s.Restart("") // only the watchdog is left
}

// halted is how long the reason is shown before a slot on trial is restarted; the black box has it too.
const halted = 10 * time.Second

// giveUp ends a boot that cannot continue. A slot on trial is restarted, so that its tries are used up and the other
// slot runs; a good slot that is broken now fails over to the other one; if no restart can help, the machine stays up
// and shows the reason.
func giveUp(con *console.Console, m *boot.Machine, list string, err error) {
	con.Logf("HALTED %v", err)
	m.Guard.Begin("halted", 2*halted)
	if boot.Recoverable(m) {
		m.Box.GiveUp(where(list, err))
		softswap.Back(m)
		con.Logf("slot %s is on trial; restarting in %s", m.Line.Slot, halted)
		time.Sleep(halted)
		restart(con, m.Sys)
	}
	if boot.OfSlot(err) {
		takeOver(con, m, list, err)
	}
	m.Guard.Patient()
	con.Logf("staying up, because a restart would end here again; ctrl-alt-del restarts")
	_ = m.Sys.CatchCtrlAltDel() // otherwise the kernel restarts at once
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, unix.SIGINT)
	stayUp(con, m, err, interrupts)
}

// stayUp repeats the reason, for users who look at the screen later.
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

// takeOver restarts into the other slot if this one was good and is broken now. It returns if there is no such slot.
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
	_ = m.Sys.CatchCtrlAltDel() // otherwise the kernel restarts at once, without a shutdown
	m.Jobs = command.New(reaper.Start, boot.LogDir, tuning.ServiceCgroup)
	m.Guard = guard(con, m)
	boot.Resume(m)
	m.Guard.Start() // the watchdogs run since stage 1
	var day *aftergood.Keeper
	m.LastEnd = func() {
		day = aftergood.Open(boot.StateDir+"/"+aftergood.File, m.Sys.WriteFile, boot.SinceKernel)
		lastend.Judge(m, day, m.Guard.Dogs.Reset(), version, con.Flush)
	}
	results, err := boot.Run(m.Ctx, "stage2", m.Rest(), m)
	m.SaveTimeline()
	if err != nil {
		giveUp(con, m, "stage2", err)
	}
	k := newKeeper(m, con, reaper, version, failed(results))
	k.day = day
	k.rearm()
	m.Guard.Begin("start services", 5*time.Minute)
	k.start(m.Ctx)
	m.Guard.End()
	k.run(m.Ctx, signals, power.Watch(m.Ctx, con.Logf))
}

// where returns the step that ended a list, in the form of the black box, and the reason.
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
