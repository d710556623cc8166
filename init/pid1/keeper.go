package pid1

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/power"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

const logDir = "/var/log/proa"

// keeper is PID 1 after boot.
type keeper struct {
	m       *boot.Machine
	con     *console.Console
	reaper  *proc.Reaper
	sup     *supervise.Supervisor
	slots   slot.Slots
	slotErr error
	dog     *watchdog.Device
	now     status.Status // as last written
	version string
	failed  []string
	poke    chan struct{} // a service has changed: look now
	good    bool
	goodErr string
	armed   bool // the restart under way is one more try, and counted
	saving  sync.Mutex
}

func newKeeper(m *boot.Machine, con *console.Console, reaper *proc.Reaper, version string, failed []string) *keeper {
	k := &keeper{m: m, con: con, reaper: reaper, version: version, failed: failed, poke: make(chan struct{}, 1)}
	k.sup = &supervise.Supervisor{Reaper: reaper, LogDir: logDir, Cgroup: boot.ServiceCgroup, RunDir: boot.RunDir, Changed: k.changed}
	k.slots, k.slotErr = m.Slots()
	return k
}

// changed puts a service's new state on the console and has the main loop look at the rest.
func (k *keeper) changed(s supervise.State) {
	k.con.Logf("status %s", s)
	select {
	case k.poke <- struct{}{}:
	default: // it is going to look anyway
	}
}

// start begins the services. Nothing after this keeps the machine from being up.
func (k *keeper) start(ctx context.Context) {
	var err error
	if k.dog, err = watchdog.Open("/dev/watchdog"); err != nil {
		k.con.Logf("%v", err)
	}
	facts := service.Facts{Config: k.m.Config, DataErr: k.m.DataErr, Reaper: k.reaper, Network: func() bool { return len(netup.Addresses()) > 0 }}
	for _, s := range service.Table(facts) {
		k.sup.Start(ctx, s)
	}
	k.refresh()
	go func() {
		k.m.PlugRest()
		debug.FreeOSMemory() // reading the modules' tables took more than keeping them does
	}()
	if k.m.Line.Fallback != "" {
		k.con.Logf("FALLBACK: the boot loader gave up a trial (%s)", k.m.Line.Fallback)
	}
	k.con.Logf("up slot=%s mode=%s version=%s host=%s", dash(k.m.Line.Slot), k.m.Line.Mode, k.version, k.m.Hostname)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// How often the main loop looks at what tells nobody when it changes: addresses, routes, the boot state. Each look is three
// netlink dumps and a directory; at one a second they were an eighth of a small machine's processor.
const (
	lookEvery  = 5 * time.Second
	clockEvery = 5 * time.Minute
)

// run is the main loop; the watchdog is fed here and nowhere else, so that a stuck loop restarts the machine.
func (k *keeper) run(ctx context.Context, signals <-chan os.Signal) {
	look, feed, save := time.NewTicker(lookEvery), time.NewTicker(watchdog.Interval), time.NewTicker(clockEvery)
	button := power.Watch(ctx, k.con.Logf)
	for {
		select {
		case s := <-signals:
			k.down(s.String(), wants(s))
		case <-button:
			k.down("power button", shutdown.PowerOff)
		case <-k.poke:
			k.look()
		case <-look.C:
			k.look()
		case <-feed.C:
			if err := k.dog.Feed(); err != nil {
				k.con.Logf("watchdog: %v", err)
			}
		case <-save.C:
			go k.noteClock()
		}
	}
}

// wants: what each signal means, as busybox's reboot, poweroff and halt send them; the kernel sends SIGINT for ctrl-alt-del.
func wants(s os.Signal) shutdown.End {
	if s == unix.SIGUSR1 || s == unix.SIGUSR2 {
		return shutdown.PowerOff
	}
	return shutdown.Reboot
}

// noteClock is not the main loop's work: a slow disk may take longer to flush than the watchdog waits.
func (k *keeper) noteClock() {
	if k.saving.TryLock() {
		defer k.saving.Unlock()
		k.saveClock()
	}
}

func (k *keeper) saveClock() {
	if err := clock.Save(sys.Linux{}.WriteFile, boot.StateDir+"/clock", time.Now()); err != nil {
		k.con.Logf("clock: %v", err)
	}
}

func (k *keeper) look() {
	k.refresh()
	k.judge()
}

// refresh writes the status file if something is new.
func (k *keeper) refresh() {
	s := k.gather()
	if reflect.DeepEqual(s, k.now) {
		return
	}
	if s.Addrs() != k.now.Addrs() {
		k.con.Logf("status addresses %s", s.Addrs())
	}
	k.now = s
	k.noteNTP()
	if err := status.Write(s); err != nil {
		k.con.Logf("status: %v", err)
	}
}

// noteNTP leaves the servers that DHCP named where `proa ntp` looks.
func (k *keeper) noteNTP() {
	if k.m.Net == nil {
		return
	}
	if err := (sys.Linux{}).WriteFile(boot.NTPServers, []byte(strings.Join(k.m.Net.NTPServers(), "\n")), 0o644); err != nil {
		k.con.Logf("ntp servers: %v", err)
	}
}

func (k *keeper) gather() status.Status {
	s := status.Status{Version: k.version, Hostname: k.m.Hostname, Board: k.m.Line.Board, Mode: k.m.Line.Mode, Slot: k.m.Line.Slot, Fallback: k.m.Line.Fallback,
		Good: k.good, SlotError: k.goodErr, ConfigProblems: k.m.Problems, FailedSteps: k.failed,
		DefaultRoute: netup.HasDefaultRoute(), Addresses: netup.Addresses(), Services: k.sup.States(), K3s: "off by config"}
	if k.slots != nil {
		var err error
		if s.Trial, s.Tries, err = k.slots.Trial(); err != nil {
			s.SlotError = err.Error()
		}
	} else if k.m.OnDisk() && k.slotErr != nil {
		s.SlotError = k.slotErr.Error()
	}
	for _, v := range s.Services {
		if v.Name == "k3s" {
			s.K3s, s.NodeReady = k3sLine(v), v.State == "ready" && !strings.HasPrefix(v.Status, "node NotReady")
		}
	}
	return s
}

// k3sLine is the cause in one line: what the runtime said last, how its last run ended, and if it said nothing, the end of its log.
func k3sLine(v supervise.State) string {
	line := v.State
	if v.Status != "" {
		line += ": " + v.Status
	}
	if v.State != "ready" && v.LastExit != "" {
		line += fmt.Sprintf(" (last run: %s)", v.LastExit)
	}
	if v.State == "restarting" && !strings.Contains(v.LastExit, ": ") {
		line += ": " + supervise.LastLine(logDir, "k3s")
	}
	return line
}

// judge marks the slot good once every boot step held, a default route is there, and the node is Ready or k3s off by config.
func (k *keeper) judge() {
	if k.good || k.slots == nil || len(k.failed) > 0 || !k.now.DefaultRoute {
		return
	}
	if k.m.Config.K3s.Enabled && !k.now.NodeReady {
		return
	}
	if err := k.slots.Good(); err != nil {
		if k.goodErr != err.Error() {
			k.goodErr = err.Error()
			k.con.Logf("slot %s cannot be marked good: %v", k.m.Line.Slot, err)
		}
		return
	}
	k.good, k.goodErr = true, ""
	k.con.Logf("status slot %s good", k.m.Line.Slot)
	k.refresh()
}

// downLimit is how long a way down may take before the watchdog cuts it short.
const downLimit = 3 * time.Minute

// down works through the shutdown list and does not come back. The watchdog is fed meanwhile: pods may take their grace period.
func (k *keeper) down(why string, end shutdown.End) {
	k.con.Logf("going down: %s, %s", why, end)
	go func() {
		for range downLimit / watchdog.Interval {
			_ = k.dog.Feed()
			time.Sleep(watchdog.Interval)
		}
	}()
	shutdown.Run(&shutdown.Machine{Logf: k.con.Logf, Flush: k.con.Flush, StopServices: func() { k.sup.StopAll(k.con.Logf) }, SaveClock: k.saveClock, End: end, Argument: k.argument(end)})
}
