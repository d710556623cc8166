package pid1

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/afterboot"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/clusterask"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/health/probe"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/timeline"
	"github.com/proa-os/proa/init/tuning"
	"github.com/proa-os/proa/init/upgrade/settle"
	"github.com/proa-os/proa/init/verity"
	"github.com/proa-os/proa/init/watchdog"
	"github.com/proa-os/proa/init/wifi"
	"golang.org/x/sys/unix"
)

// keeper is PID 1 after the boot.
type keeper struct {
	m       *boot.Machine
	con     *console.Console
	reaper  *proc.Reaper
	sup     *supervise.Supervisor
	slots   slot.Slots
	slotErr error
	dogs    *watchdog.Dogs
	now     status.Status // as last written
	version string
	failed  []health.Failed
	poke    chan struct{} // a service has changed: check now
	good    bool
	goodErr string
	armed   bool             // the pending restart is one more try, and counted
	judged  health.Judgement // last result
	latest  atomic.Pointer[health.Facts]
	steady  health.Steady     // of the worker
	checks  *probe.Watcher    // the user's, of a slot on trial; nil: none
	began   time.Time         // start of the services
	day     *aftergood.Keeper // after a trial that ended well
	before  *health.Held      // what worked when a slot was last good
	held    string            // path of that file
	stamp   time.Time         // modification time of the stamp that other processes touch when they write the black box
	end     func(why string, how shutdown.End)
	lock    func(wait time.Duration) (io.Closer, error) // of the boot state, which the verbs change too
	saving  sync.Mutex
	told    status.Told
	full    fullness
	damage  string               // damage of the running root
	corrupt func() (bool, error) // says whether the root is damaged
	conf    conf
	trial   confirm.Running
	route   func() (any, ipv4 bool) // which default routes there are
	upgrade clusterask.Requests     // of the cluster

	swapping atomic.Bool // a soft swap is under way
	worker
}

func newKeeper(m *boot.Machine, con *console.Console, reaper *proc.Reaper, version string, failed []health.Failed) *keeper {
	k := &keeper{m: m, con: con, reaper: reaper, version: version, failed: failed, poke: make(chan struct{}, 1), dogs: m.Guard.Dogs, began: time.Now(),
		held: heldFile, before: health.Load(heldFile)}
	k.sup = &supervise.Supervisor{Reaper: reaper, LogDir: boot.LogDir, Cgroup: tuning.ServiceCgroup, RunDir: boot.RunDir, Changed: k.changed}
	k.conf.begin(m)
	k.trial.Set(m.InForce.Trial, k.began)
	k.route = netup.DefaultRoutes
	k.upgrade.File, k.upgrade.Permitted = nodeupgrade.RequestFile, func() bool { return k.conf.latest().Upgrade.Cluster }
	k.slots, k.slotErr = m.Slots()
	k.worker = newWorker(k.began)
	k.end = k.worker.end
	k.corrupt = func() (bool, error) { return verity.Corrupt(m.Found.Swap.Name(boot.RootName)) }
	k.lock = func(wait time.Duration) (io.Closer, error) { return slot.Lock(slot.LockFile, wait) }
	return k
}

// changed prints a service's new state on the console, each problem once, and makes the main loop check the rest.
func (k *keeper) changed(before, now supervise.State) {
	if before.String() != now.String() {
		k.con.Logf("status %s", now)
	}
	for _, p := range k.told.Fresh(now.Name, now.Facts.Problems) {
		k.con.Logf("status %s problem: %s", now.Name, p)
	}
	k.upgrade.Heard(now.Facts)
	select {
	case k.poke <- struct{}{}:
	default: // a check is pending already
	}
}

// start starts the services. Errors from here on do not keep the machine from coming up.
func (k *keeper) start(ctx context.Context) {
	k.feed()
	k.startRows(ctx, k.m.Config)
	if net := k.m.Config.Network; k.m.Net != nil && len(net.WiFi) > 0 && wifi.Missing("") == "" {
		wifi.Follow(ctx, k.m.Net.Links, k.con.Logf, func(radio string) { k.sup.Start(ctx, wifi.Service(k.m.Sys, radio, net)) })
	}
	k.watchChecks(ctx)
	k.serveControl(ctx)
	go k.work(ctx, k.look)
	go k.keepReserve(ctx)
	go k.followTrial(ctx)
	go k.readLateMedia(ctx)
	go k.m.Remote().Follow(ctx, func() { k.reload(ctx) })
	k.firstLook()
	go func() {
		k.m.PlugRest()
		debug.FreeOSMemory() // parsing the module indexes took more memory than storing them
	}()
	for _, r := range k.m.Reports {
		if r.GivenUp {
			k.con.Logf("FALLBACK %s", r) // printed by readBox too, many lines before
		}
	}
	settle.Record(k.m, false)
	k.m.Jobs.Follow(k.ranCommand)
	after := afterboot.New(k.m, k.con.Logf, k.conf.add, k.end)
	after.Start(ctx)
	k.con.Logf("up slot=%s mode=%s version=%s host=%s", cmp.Or(string(k.m.Line.Slot), "-"), k.m.Line.Mode, k.version, k.m.Hostname)
	after.FinalMessage(k.version)
}

// ranCommand makes the main loop write the status, and says how a list of commands ended.
func (k *keeper) ranCommand(s command.State) {
	if s.State != command.Running {
		k.con.Logf("status %s", s)
	}
	select {
	case k.poke <- struct{}{}:
	default: // a check is pending already
	}
}

// stopServices ends the user's commands and the services.
func (k *keeper) stopServices() { k.stopWith(k.sup.StopAll) }

func (k *keeper) stopWith(stop func(logf func(string, ...any))) {
	var wait sync.WaitGroup
	wait.Go(k.m.Jobs.Stop)
	k.checks.Stop() // no more processes from here on
	stop(k.con.Logf)
	wait.Wait()
}

// Intervals at which the main loop polls what sends no events: addresses, routes, the boot state. Each poll is three
// netlink dumps and a directory; once per second they took an eighth of a small machine's CPU.
const (
	lookEvery  = 5 * time.Second
	clockEvery = 5 * time.Minute
)

// run is the main loop, which ends in tests only. It alone feeds the watchdogs, so that the hardware resets the machine
// if it blocks. Nothing in it waits for a disk or a lock: a slow card must not look like a hang.
func (k *keeper) run(ctx context.Context, signals <-chan os.Signal, button <-chan struct{}) {
	look, feed, save := time.NewTicker(lookEvery), time.NewTicker(watchdog.Interval), time.NewTicker(clockEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			k.down(s.String(), wants(s))
		case <-button:
			k.down("power button", shutdown.PowerOff)
		case <-k.poke:
			k.ask()
		case now := <-look.C:
			k.ask()
			k.limit(now)
		case good := <-k.looked:
			k.seen, k.settled = time.Now(), good
		case e := <-k.ends:
			if e.take != nil {
				e = k.take(ctx, e)
			}
			k.down(e.why, e.how)
		case <-feed.C:
			k.feed()
		case <-save.C:
			go k.noteClock()
		}
	}
}

func (k *keeper) feed() {
	if err := k.dogs.Feed(); err != nil {
		k.con.Logf("%v", err)
	}
}

// wants maps signals to ends, as busybox's reboot, poweroff and halt send them; the kernel sends SIGINT for
// ctrl-alt-del.
func wants(s os.Signal) shutdown.End {
	if s == unix.SIGUSR1 || s == unix.SIGUSR2 {
		return shutdown.PowerOff
	}
	return shutdown.Reboot
}

// noteClock does not run in the main loop: a slow disk may take longer to flush than the watchdog's timeout.
func (k *keeper) noteClock() {
	if k.saving.TryLock() {
		defer k.saving.Unlock()
		k.saveClock()
	}
}

func (k *keeper) saveClock() {
	if err := clock.Save(k.m.Sys.WriteFile, boot.ClockFile, time.Now(), clock.ReadState().Sure); err != nil {
		k.con.Logf("clock: %v", err)
	}
}

// look is the worker's run.
func (k *keeper) look() (good bool) {
	k.rereadBox()
	k.checkRoot()
	k.lookAfterGood()
	k.refresh()
	k.judge()
	k.m.Box.Look()
	return k.good
}

// rereadBox reads the black box again if a slot was written or put on trial since the boot.
func (k *keeper) rereadBox() {
	st, err := os.Stat(k.m.Path(blackbox.Stamp))
	if err != nil || st.ModTime().Equal(k.stamp) {
		return
	}
	k.stamp = st.ModTime()
	name, _ := os.ReadFile(k.m.Path(blackbox.Stamp))
	if s, err := layout.ParseSlot(strings.TrimSpace(string(name))); err == nil {
		k.m.ReadBox(s)
	}
}

// down runs the shutdown list and does not return. The watchdogs are fed until the end of the list, whose steps have
// time limits: pods need their grace period, and a slow disk its time.
func (k *keeper) down(why string, end shutdown.End) {
	k.con.Logf("going down: %s, %s", why, end)
	fed := k.keepFeeding()
	shutdown.Run(&shutdown.Machine{Sys: k.m.Sys, Root: k.m.Root, Logf: k.con.Logf, Clock: boot.SinceKernel, Flush: k.con.Flush,
		Record: func() { k.m.Box.Down(why) }, StopServices: k.stopServices, SaveClock: k.saveClock,
		SaveTimeline: func(done []step.Result) error {
			return errors.Join(k.day.Ended(), timeline.SaveShutdown(k.m.Sys, done))
		}, Argument: func() string { return k.argument(end) }, Ending: fed, End: end})
}

// keepFeeding feeds the watchdogs until its result is called.
func (k *keeper) keepFeeding() (end func()) {
	ending := make(chan struct{})
	go func() {
		for {
			_ = k.dogs.Feed()
			select {
			case <-ending:
				return
			case <-time.After(watchdog.Interval):
			}
		}
	}()
	return sync.OnceFunc(func() { close(ending) })
}
