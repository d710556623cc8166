package pid1

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proa-os/proa/config"
	bootstep "github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
)

// counted is a boot state that counts calls of Good, which fail, so that nothing on the test's host changes.
type counted struct {
	slot.Slots
	asked int
	other slot.Standing
}

func (c *counted) Current() layout.Slot             { return layout.A }
func (c *counted) Good() error                      { c.asked++; return errors.New("read-only file system") }
func (c *counted) Standing() (slot.Standing, error) { return c.other, nil }

// keeping returns a keeper after its start that records how it would shut down.
func keeping(s slot.Slots, now status.Status, since time.Duration) (k *keeper, ended *[]string) {
	ended = &[]string{}
	k = &keeper{m: &boot.Machine{Sys: &sys.Fake{}, Root: "/proc/nowhere", Config: config.Default(), Logf: func(string, ...any) {}}, con: &console.Console{}, slots: s, now: now, began: time.Now().Add(-since), lock: free, held: os.DevNull, sup: &supervise.Supervisor{}}
	k.end = func(why string, how shutdown.End) { *ended = append(*ended, why+", "+string(how)) }
	return k, ended
}

// TestJudge: the conditions for marking a slot good. Each row fails one.
func TestJudge(t *testing.T) {
	ready := status.Status{DefaultRoute: true, NodeReady: true}
	for name, c := range map[string]struct {
		now    status.Status
		k3s    bool
		failed []health.Failed
		good   bool
		want   int
	}{
		"all holds":          {ready, true, nil, false, 1},
		"no route":           {status.Status{NodeReady: true}, true, nil, false, 0},
		"node not Ready":     {status.Status{DefaultRoute: true}, true, nil, false, 0},
		"k3s off":            {status.Status{DefaultRoute: true}, false, nil, false, 1},
		"a step failed":      {ready, true, []health.Failed{{Step: "network", Why: "x"}}, false, 0},
		"found good already": {ready, true, nil, true, 0},
	} {
		s := &counted{}
		k, _ := keeping(s, c.now, 0)
		k.m.Config.K3s.Enabled, k.failed, k.good = c.k3s, c.failed, c.good
		k.judge()
		if s.asked != c.want {
			t.Errorf("%s: marked good %d times, want %d", name, s.asked, c.want)
		}
		if c.want == 1 && (k.good || k.goodErr != "read-only file system") {
			t.Errorf("%s: a state that cannot be written passes for good: %q", name, k.goodErr)
		}
	}
	k, _ := keeping(nil, ready, 0)
	k.judge() // live: no slots, nothing to mark
}

// TestDeadline: which machines are restarted after the deadline, and the messages.
func TestDeadline(t *testing.T) {
	waiting := status.Status{DefaultRoute: true, Trial: true, K3s: "starting: apiserver"}
	for _, c := range []struct {
		name, deadline string
		now            status.Status
		other          slot.Standing
		since          time.Duration
		want, health   string
	}{
		{"before", "", waiting, slot.Standing{Good: true}, 14 * time.Minute, "", "not good yet: node Ready: starting: apiserver"},
		{"after", "", waiting, slot.Standing{Good: true}, 15 * time.Minute,
			"slot a is not good after 15m0s: node Ready: starting: apiserver; restarting, reboot", "not good after 15m0s: node Ready: starting: apiserver; restarting"},
		{"the user's", "2m", waiting, slot.Standing{Good: true}, 3 * time.Minute,
			"slot a is not good after 2m0s: node Ready: starting: apiserver; restarting, reboot", "not good after 2m0s: node Ready: starting: apiserver; restarting"},
		{"first installation", "", waiting, slot.Standing{}, time.Hour, "",
			"not good after 15m0s: node Ready: starting: apiserver; staying up, because there is no good slot to go back to"},
		{"no trial", "", status.Status{DefaultRoute: true}, slot.Standing{Good: true}, time.Hour, "", "not good yet: node Ready: "},
	} {
		k, ended := keeping(&counted{other: c.other}, c.now, c.since)
		k.m.Line.Slot = "a"
		if c.deadline != "" {
			k.m.Config.Health.Deadline = c.deadline
		}
		k.judge()
		if got := strings.Join(*ended, "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := k.judged.Text(k.deadline()); got != c.health {
			t.Errorf("%s: %q, want %q", c.name, got, c.health)
		}
	}
	k, _ := keeping(nil, status.Status{}, 0)
	if k.m.Config.Health.Deadline = ""; k.deadline() != 15*time.Minute {
		t.Errorf("an empty deadline is %s", k.deadline())
	}
}

// TestCrashLoop: a runtime that is Ready between its ends never makes a trial good, and the reason names it; once it runs
// for long enough the slot is good.
func TestCrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counted{other: slot.Standing{Good: true}}
		k, ended := keeping(s, status.Status{DefaultRoute: true, Trial: true}, 0)
		look := func(until time.Duration, restarts func(since time.Duration) int) {
			for time.Since(k.began) < until {
				k.now.NodeReady = int(time.Since(k.began)/lookEvery)%5 > 0
				k.now.Services = []supervise.State{{Name: "ntp", Restarts: 90}, {Name: "k3s", Restarts: restarts(time.Since(k.began))}}
				k.judge()
				time.Sleep(lookEvery)
			}
		}
		look(14*time.Minute, func(since time.Duration) int { return int(since / (25 * time.Second)) })
		if want := "not good yet: node Ready: k3s was restarted 33 times; "; s.asked != 0 || !strings.HasPrefix(k.judged.Text(k.deadline()), want) {
			t.Errorf("asked %d times; %q", s.asked, k.judged.Text(k.deadline()))
		}
		look(16*time.Minute, func(since time.Duration) int { return int(since / (25 * time.Second)) })
		if s.asked != 0 || len(*ended) == 0 || !strings.Contains((*ended)[0], "not good after 15m0s: node Ready: k3s was restarted 36 times; ") {
			t.Errorf("asked %d times; %q", s.asked, *ended)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &counted{other: slot.Standing{Good: true}}
		k, _ := keeping(s, status.Status{DefaultRoute: true, Trial: true, NodeReady: true}, 0)
		for s.asked == 0 {
			k.judge()
			time.Sleep(lookEvery)
		}
		if took := time.Since(k.began); took != health.ReadyLong+lookEvery {
			t.Errorf("good after %s", took)
		}
	})
}

// TestChecks: a trial waits for the user's checks, a slot that was good has none, and the verb tries them now.
func TestChecks(t *testing.T) {
	dir := t.TempDir()
	check := config.Check{Name: "shop", Command: "echo shut; test -e " + dir + "/open", Timeout: "10s", Interval: "10ms"}
	start := func(trial bool) (*counted, *keeper) {
		s := &counted{}
		k, _ := keeping(s, status.Status{DefaultRoute: true, Trial: trial}, 0)
		k.m.Config.K3s.Enabled, k.m.Config.Health.Checks, k.m.Found.Trial.On, k.reaper = false, []config.Check{check}, trial, reap()
		k.conf.begin(k.m)
		k.watchChecks(t.Context())
		k.judge()
		return s, k
	}
	until := func(k *keeper, want string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); k.judged.Text(0) != want && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			k.judge()
		}
		if got := k.judged.Text(0); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if s, k := start(false); s.asked == 0 {
		t.Errorf("a good slot: %+v", k.judged)
	}
	s, k := start(true)
	until(k, "not good yet: user checks: shop: exit code 1: shut")
	said := func() (lines string, err error) {
		err = k.healthVerb(t.Context(), "", func(line string) { lines += line + "\n" })
		return
	}
	const others = "ok    boot steps\nok    default route\nok    IPv4 default route\nok    node Ready\n"
	if lines, err := said(); lines != others+"FAIL  check shop: exit code 1: shut\n" || err == nil || err.Error() != "1 of 5 conditions do not hold" {
		t.Errorf("%q, %v", lines, err)
	}
	if err := os.WriteFile(dir+"/open", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); s.asked == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		k.judge()
	}
	if lines, err := said(); s.asked == 0 || err != nil || lines != others+"ok    check shop\n" {
		t.Errorf("asked %d times; %q, %v", s.asked, lines, err)
	}
}

// TestGoodIsTriedAgain: marking the slot good is retried if the boot partition cannot be written.
func TestGoodIsTriedAgain(t *testing.T) {
	s := &counted{}
	k, _ := keeping(s, status.Status{DefaultRoute: true, NodeReady: true}, 0)
	for range 3 {
		k.judge()
	}
	if s.asked != 3 {
		t.Errorf("asked %d times", s.asked)
	}
}

// TestWhere: the step that ended a boot is named as in the black box.
func TestWhere(t *testing.T) {
	if step, why := where("stage1", &bootstep.Error{Step: "find-slot", Err: errors.New("no partition root-b is valid")}); step != "stage1 find-slot" || why != "no partition root-b is valid" {
		t.Errorf("%q, %q", step, why)
	}
	if step, why := where("stage2", errors.New("x")); step != "stage2" || why != "x" {
		t.Errorf("%q, %q", step, why)
	}
}
