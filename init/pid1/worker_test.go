package pid1

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/watchdog"
)

// free is a lock that is not held.
func free(time.Duration) (io.Closer, error) { return io.NopCloser(nil), nil }

// hanging is a boot state on a disk that hangs.
type hanging struct {
	counted
	asked chan struct{}
	never chan struct{}
}

func (h *hanging) Good() error {
	close(h.asked)
	<-h.never
	return nil
}

// TestBlockedDisk: while marking the slot good blocks on a disk that hangs, the main loop feeds the watchdogs, and a
// trial still ends at its deadline.
func TestBlockedDisk(t *testing.T) {
	dir := t.TempDir()
	dog := filepath.Join(dir, "watchdog0")
	if err := os.WriteFile(dog, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := &hanging{asked: make(chan struct{}), never: make(chan struct{})}
	defer close(h.never)
	k, _ := keeping(h, status.Status{DefaultRoute: true, NodeReady: true}, 0)
	k.dogs, k.worker = watchdog.In(dir), newWorker(time.Now())
	ends := make(chan string, 1)
	k.end = func(why string, how shutdown.End) { ends <- why + ", " + string(how) }
	k.poke = make(chan struct{}, 1)
	k.m.Found.Trial = boot.Trial{Known: true, On: true, Other: slot.Standing{Good: true}}
	go k.work(t.Context(), func() bool { k.judge(); return k.good })
	go k.run(t.Context(), nil, nil)
	k.poke <- struct{}{}
	<-h.asked
	for end := time.Now().Add(4 * watchdog.Interval); ; time.Sleep(50 * time.Millisecond) {
		if st, err := os.Stat(dog); err == nil && st.Size() >= 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the watchdog is not fed")
		}
	}
	if len(ends) != 0 {
		t.Fatal("ended before its deadline")
	}
	k.limit(k.began.Add(k.deadline() + time.Second))
	if why := <-ends; !strings.HasPrefix(why, "slot  is not good after 15m0s: a disk has not answered for ") || !strings.HasSuffix(why, ", reboot") {
		t.Error(why)
	}
}

// TestLimit: a trial is ended only if it has a fallback and the worker is blocked.
func TestLimit(t *testing.T) {
	trial := boot.Trial{Known: true, On: true, Other: slot.Standing{Good: true}}
	for name, c := range map[string]struct {
		trial   boot.Trial
		settled bool
		mute    time.Duration
		want    int
	}{
		"stuck":              {trial, false, 2 * time.Minute, 1},
		"works":              {trial, false, 30 * time.Second, 0},
		"good":               {trial, true, 2 * time.Minute, 0},
		"no trial":           {boot.Trial{Known: true, Other: slot.Standing{Good: true}}, false, 2 * time.Minute, 0},
		"first installation": {boot.Trial{Known: true, On: true}, false, 2 * time.Minute, 0},
	} {
		k, ended := keeping(nil, status.Status{}, time.Hour)
		now := time.Now()
		k.m.Found.Trial, k.settled, k.seen = c.trial, c.settled, now.Add(-c.mute)
		k.limit(now)
		if len(*ended) != c.want {
			t.Errorf("%s: %q", name, *ended)
		}
	}
}

// TestLockedState: while a verb holds the lock PID 1 does not change the state, and does not block.
func TestLockedState(t *testing.T) {
	s := &counted{}
	k, _ := keeping(s, status.Status{DefaultRoute: true, NodeReady: true}, 0)
	k.lock = func(time.Duration) (io.Closer, error) { return nil, slot.ErrBusy }
	if k.judge(); s.asked != 0 || k.goodErr != "" || k.judged.Verdict == health.Good {
		t.Errorf("asked %d times under another's lock, %q", s.asked, k.goodErr)
	}
	k.lock = free
	if k.judge(); s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
	k.slots = &passedOver{}
	if k.judge(); k.good || !strings.Contains(k.goodErr, slot.ErrPassedOver.Error()) {
		t.Errorf("good %t, %q", k.good, k.goodErr)
	}
}

// passedOver is a slot that was rolled back while it ran.
type passedOver struct{ counted }

func (*passedOver) Good() error { return slot.ErrPassedOver }

// TestWorkerPanics: the worker continues after a panic.
func TestWorkerPanics(t *testing.T) {
	k, _ := keeping(nil, status.Status{}, 0)
	k.worker = newWorker(time.Now())
	turns := 0
	go k.work(t.Context(), func() bool {
		if turns++; turns == 1 {
			panic(errors.New("boom"))
		}
		return true
	})
	for n, want := range []bool{false, true} {
		k.ask()
		if got := <-k.looked; got != want {
			t.Errorf("look %d: %t", n+1, got)
		}
	}
}
