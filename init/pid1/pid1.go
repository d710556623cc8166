// Package pid1 is the process that never ends: it runs the stage that its root calls for, starts the services, and then waits for
// signals, buttons and state changes until the machine goes down. It holds the order of these things and leaves each to its package.
package pid1

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/step"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// Main is the life of PID 1. version is what the binary was built from.
func Main(version string) {
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
		stage1(ctx, con)
		return
	}
	stage2(ctx, con, version)
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

func stage1(ctx context.Context, con *console.Console) {
	m := &boot.Machine{Sys: sys.Linux{}, Ctx: ctx, Flush: con.Flush}
	early := func(format string, args ...any) { con.Reopen(); con.Logf(format, args...) }
	m.Logf = early
	list := boot.Stage1Disk()
	if boot.IsLive() {
		list = boot.Stage1Live()
	}
	_, err := boot.Run(ctx, "stage1", list, m)
	giveUp(con, m, err)
}

// halted is how long a person has to read the reason before a slot on trial is given up.
const halted = 60 * time.Second

// giveUp ends a boot that cannot go on. A slot on trial is restarted, so that its counter falls and the other slot gets its
// turn; without a trial a restart would change nothing, so the machine stays up with the reason in view.
func giveUp(con *console.Console, m *boot.Machine, err error) {
	con.Logf("HALTED %v", err)
	if boot.Recoverable(m) {
		con.Logf("slot %s is on trial; restarting in %s", m.Line.Slot, halted)
		time.Sleep(halted)
		con.Flush()
		unix.Sync()
		unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	}
	con.Logf("staying up, because a restart would end here again; ctrl-alt-del restarts")
	unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF)
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, unix.SIGINT)
	for {
		select {
		case <-sig:
			con.Flush()
			unix.Sync()
			unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
		case <-time.After(time.Minute):
			con.Logf("HALTED %v", err)
		}
	}
}

func stage2(ctx context.Context, con *console.Console, version string) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) // ctrl-alt-del becomes SIGINT
	reaper := proc.New(ctx)
	m := &boot.Machine{Sys: sys.Linux{Runner: reaper.Run}, Ctx: ctx, Logf: con.Logf}
	results, err := boot.Run(ctx, "stage2", boot.Stage2(), m)
	m.SaveTimeline()
	if err != nil {
		giveUp(con, m, err)
	}
	k := newKeeper(m, con, reaper, version, failed(results))
	k.rearm()
	k.start(ctx)
	k.run(ctx, signals)
}

func failed(results []step.Result) (out []string) {
	for _, r := range results {
		if r.Failed() {
			out = append(out, fmt.Sprintf("%s: %s", r.Name, r.Error))
		}
	}
	return out
}
