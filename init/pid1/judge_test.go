package pid1

import (
	"errors"
	"os"
	"strings"
	"testing"
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
	k = &keeper{m: &boot.Machine{Sys: &sys.Fake{}, Root: "/nowhere", Config: config.Default()}, con: &console.Console{}, slots: s, now: now, began: time.Now().Add(-since), lock: free, held: os.DevNull, sup: &supervise.Supervisor{}}
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
