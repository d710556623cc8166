package pid1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/watchdog"
)

// looping is a keeper with an empty directory, whose loop runs until stop.
type looping struct {
	*keeper
	*sys.Fake
	signals chan os.Signal
	button  chan struct{}
	dog     string // a file that gets one byte per feed of the watchdog
	stop    func()
}

// loop starts one within a synctest bubble.
func loop(t *testing.T, change func(*keeper)) *looping {
	t.Helper()
	root, dogs := t.TempDir(), t.TempDir()
	l := &looping{Fake: &sys.Fake{}, signals: make(chan os.Signal), button: make(chan struct{}), dog: filepath.Join(dogs, "watchdog0")}
	if err := os.WriteFile(l.dog, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.keeper, _ = keeping(nil, status.Status{}, 0)
	l.m.Sys, l.m.Root, l.dogs, l.worker, l.poke = l.Fake, root, watchdog.In(dogs), newWorker(time.Now()), make(chan struct{}, 1)
	l.end = l.worker.end
	if change != nil {
		change(l.keeper)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.run(ctx, l.signals, l.button) }()
	l.stop = func() { cancel(); <-done; synctest.Wait() }
	return l
}

func (l *looping) fed(t *testing.T) int64 {
	t.Helper()
	st, err := os.Stat(l.dog)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// TestGoingDown: the effect of each signal, the button and each request of the worker. The clock is saved before
// processes are ended, everything is synced, and a restart is not a power-off.
func TestGoingDown(t *testing.T) {
	way := func(last string) string {
		return "write /var/lib/proa/clock 0644\nsignal-all SIGTERM\nwrite /var/lib/proa/shutdown.json 0600\nsync\nsync\n" + last + "\n"
	}
	for name, c := range map[string]struct {
		ask  func(*looping)
		last string
	}{
		"SIGTERM, as proa reboot sends":    {func(l *looping) { l.signals <- unix.SIGTERM }, "restart"},
		"SIGINT, as ctrl-alt-del sends":    {func(l *looping) { l.signals <- unix.SIGINT }, "restart"},
		"SIGUSR1, as halt sends":           {func(l *looping) { l.signals <- unix.SIGUSR1 }, "power-off"},
		"SIGUSR2, as proa poweroff sends":  {func(l *looping) { l.signals <- unix.SIGUSR2 }, "power-off"},
		"the power button":                 {func(l *looping) { l.button <- struct{}{} }, "power-off"},
		"a slot that is given up":          {func(l *looping) { l.keeper.end("not good", shutdown.Reboot) }, "restart"},
		"firmware that takes an argument":  {func(l *looping) { l.slots = &trier{left: 2}; l.signals <- unix.SIGTERM }, "restart 0 tryboot"},
		"power off before a try":           {func(l *looping) { l.slots = &trier{left: 2}; l.signals <- unix.SIGUSR2 }, "power-off"},
		"a boot state that cannot be read": {func(l *looping) { l.slots = &trier{left: 2, err: errors.New("EIO")}; l.signals <- unix.SIGTERM }, "restart"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := loop(t, nil)
				c.ask(l)
				synctest.Wait()
				if d := cmp.Diff(way(c.last), l.String()); d != "" {
					t.Error(d)
				}
				l.stop()
			})
		})
	}
}

// slowSync is a disk whose sync takes long.
type slowSync struct {
	*sys.Fake
	takes time.Duration
}

func (s slowSync) Sync() { time.Sleep(s.takes); s.Fake.Sync() }

// TestFedOnTheWayDown: while a slow disk writes the watchdog is fed; after the end it is not, so that the hardware
// resets the machine if the restart fails.
func TestFedOnTheWayDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop(t, nil)
		l.m.Sys = slowSync{l.Fake, 50 * time.Second}
		l.signals <- unix.SIGTERM
		time.Sleep(45 * time.Second)
		if n := l.fed(t); n < int64(45*time.Second/watchdog.Interval) {
			t.Errorf("fed %d times in 45 seconds", n)
		}
		if strings.Contains(l.String(), "restart") {
			t.Error("restarted before all was written")
		}
		time.Sleep(4 * time.Minute)
		if !strings.HasSuffix(l.String(), "restart\n") {
			t.Errorf("calls:\n%s", l)
		}
		l.stop()
		n := l.fed(t)
		time.Sleep(time.Minute)
		if more := l.fed(t); more != n {
			t.Errorf("fed %d times after the end", more-n)
		}
	})
}

// TestLoopListens: the loop feeds the watchdog, requests a look every few seconds and whenever a service changes,
// handles the worker's result, and saves the clock. None of this shuts the machine down.
func TestLoopListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop(t, nil)
		looks := make(chan time.Time, 100)
		ctx, cancel := context.WithCancel(t.Context())
		go l.work(ctx, func() bool { looks <- time.Now(); return len(looks) > 1 })
		began := time.Now()
		l.poke <- struct{}{}
		synctest.Wait()
		if len(looks) != 1 || !(<-looks).Equal(began) {
			t.Error("a service has changed, and nobody looks")
		}
		time.Sleep(clockEvery + time.Second)
		synctest.Wait()
		if n := len(looks); n != int(clockEvery/lookEvery) {
			t.Errorf("%d looks in %s, every %s", n, clockEvery, lookEvery)
		}
		if n := l.fed(t); n != int64(clockEvery/watchdog.Interval) {
			t.Errorf("fed %d times in %s", n, clockEvery)
		}
		if d := cmp.Diff("write /var/lib/proa/clock 0644\n", l.String()); d != "" {
			t.Error(d)
		}
		cancel()
		l.stop()
		if !l.settled || time.Since(l.seen) > 2*lookEvery {
			t.Errorf("the loop did not hear the worker: settled %t, seen %s ago", l.settled, time.Since(l.seen))
		}
	})
}

// TestStuckWorker: the loop itself ends a trial at its deadline if the worker is blocked.
func TestStuckWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop(t, func(k *keeper) {
			k.m.Config.Health.Deadline = "3m"
			k.m.Found.Trial = boot.Trial{Known: true, On: true, Other: slot.Standing{Good: true}}
		})
		time.Sleep(3*time.Minute - time.Second)
		if strings.Contains(l.String(), "restart") {
			t.Fatal("restarted before its deadline")
		}
		time.Sleep(lookEvery + time.Second)
		synctest.Wait()
		if !strings.HasSuffix(l.String(), "restart\n") {
			t.Errorf("calls:\n%s", l)
		}
		l.stop()
	})
}

// TestClockIsSavedOnceAtATime: a disk that hangs blocks one goroutine, not one more each time.
func TestClockIsSavedOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop(t, nil)
		answers := make(chan struct{})
		l.m.Sys = hangingWrite{l.Fake, answers}
		time.Sleep(4*clockEvery + time.Second)
		close(answers)
		synctest.Wait()
		if n := strings.Count(l.String(), "write /var/lib/proa/clock"); n != 1 {
			t.Errorf("written %d times by a disk that hung", n)
		}
		time.Sleep(clockEvery)
		l.stop()
		if n := strings.Count(l.String(), "write /var/lib/proa/clock"); n != 2 {
			t.Errorf("written %d times after it answered", n)
		}
	})
}

type hangingWrite struct {
	*sys.Fake
	answers chan struct{}
}

func (h hangingWrite) WriteFile(path string, data []byte, perm os.FileMode) error {
	<-h.answers
	return h.Fake.WriteFile(path, data, perm)
}

// marked is a boot state whose operations all succeed.
type marked struct {
	counted
	trial bool
	good  int
}

func (m *marked) Good() error               { m.good++; m.trial = false; return nil }
func (m *marked) Trial() (bool, int, error) { return m.trial, 2, nil }

// TestLookMarksGood: one look writes the status and marks the slot good if all conditions are met, once; the file for
// the next slot is written.
func TestLookMarksGood(t *testing.T) {
	s := &marked{trial: true, counted: counted{other: slot.Standing{Good: true}}}
	f := &sys.Fake{}
	k, ended := keeping(s, status.Status{}, 0)
	k.m.Sys, k.m.Line.Slot, k.m.Config.K3s.Enabled, k.held, k.before = f, "a", false, heldFile, &health.Held{}
	k.failed = []health.Failed{{Step: "ntp", Why: "x"}}
	if k.look() || s.good != 0 {
		t.Errorf("a failed step, and marked good %d times", s.good)
	}
	written := readStatus(t, f)
	if !written.Trial || written.Good || written.Slot != "a" || written.Health == "" && len(written.FailedSteps) != 1 {
		t.Errorf("status %+v", written)
	}
	k.failed = nil
	k.now.DefaultRoute = true
	k.before = nil
	for range 3 {
		k.judge()
	}
	if s.good != 1 || !k.good {
		t.Errorf("marked good %d times", s.good)
	}
	if written := readStatus(t, f); !written.Good || written.Trial {
		t.Errorf("status %+v", written)
	}
	var held health.Held
	if err := json.Unmarshal([]byte(f.Files[heldFile]), &held); err != nil || !held.DefaultRoute {
		t.Errorf("kept %q, %v", f.Files[heldFile], err)
	}
	if len(*ended) != 0 {
		t.Errorf("ended: %q", *ended)
	}
}

func readStatus(t *testing.T, f *sys.Fake) (s status.Status) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.Files[status.File]), &s); err != nil {
		t.Fatalf("%q: %v", f.Files[status.File], err)
	}
	return s
}

// TestRenewedSlot: after a verb has written the other slot, the report of its last trial is dropped, once.
func TestRenewedSlot(t *testing.T) {
	k, _ := keeping(nil, status.Status{}, 0)
	k.m.Root, k.m.Logf, k.m.Line.Slot, k.m.Line.Fallback = t.TempDir(), t.Logf, "a", cmdline.Fallback{Slot: "b", Tries: 3}
	stamp := k.m.Path(blackbox.Stamp)
	if k.rereadBox(); k.m.Line.Fallback.String() != "b:3" {
		t.Error("forgotten though nobody wrote the slot")
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(stamp), 0o755), os.WriteFile(stamp, []byte(string(layout.B)+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if k.rereadBox(); k.m.Line.Fallback.String() != "" {
		t.Errorf("fallback %q is told of a slot that was written anew", k.m.Line.Fallback)
	}
	k.m.Line.Fallback = cmdline.Fallback{Slot: "b", Tries: 1}
	if k.rereadBox(); k.m.Line.Fallback.String() != "b:1" {
		t.Error("read twice for one stamp")
	}
}

// TestChangedService: the loop is notified, and a second change does not block before it has run.
func TestChangedService(t *testing.T) {
	k, _ := keeping(nil, status.Status{}, 0)
	k.poke = make(chan struct{}, 1)
	for range 3 {
		k.changed(supervise.State{Name: "ntp"}, supervise.State{Name: "ntp", State: "ready"})
	}
	if len(k.poke) != 1 {
		t.Errorf("%d pokes wait", len(k.poke))
	}
}

// TestRearmRestarts: with firmware that boots one try at a time, and tries left, the good slot restarts before it
// starts anything; if the state cannot be read it runs.
func TestRearmRestarts(t *testing.T) {
	for name, c := range map[string]struct {
		s    slot.Slots
		want string
	}{
		"tries left":         {&trier{left: 1}, "restart 0 tryboot\n"},
		"none left":          {&trier{}, "\n"},
		"state not readable": {&trier{left: 1, err: io.ErrUnexpectedEOF}, "\n"},
		"another chain":      {&counted{}, "\n"},
	} {
		f := &sys.Fake{}
		k, _ := keeping(c.s, status.Status{}, 0)
		k.m.Sys, k.m.Root = f, t.TempDir()
		if k.rearm(); !strings.HasSuffix(f.String(), c.want) || (c.want == "\n") != (len(f.Calls) == 0) {
			t.Errorf("%s: calls\n%s", name, f)
		}
	}
}
