package pid1

import (
	"errors"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/status"
)

// counted is a boot state that counts how often it is told that the slot is good, and cannot be written: so nothing of the
// machine that tests is touched.
type counted struct {
	slot.Slots
	asked int
}

func (c *counted) Current() layout.Slot { return layout.A }
func (c *counted) Good() error          { c.asked++; return errors.New("read-only file system") }

// TestJudge: what must hold before a slot is marked good. Each row lacks one thing.
func TestJudge(t *testing.T) {
	ready := status.Status{DefaultRoute: true, NodeReady: true}
	for name, c := range map[string]struct {
		now    status.Status
		k3s    bool
		failed []string
		good   bool
		want   int
	}{
		"all holds":          {ready, true, nil, false, 1},
		"no route":           {status.Status{NodeReady: true}, true, nil, false, 0},
		"node not Ready":     {status.Status{DefaultRoute: true}, true, nil, false, 0},
		"k3s off":            {status.Status{DefaultRoute: true}, false, nil, false, 1},
		"a step failed":      {ready, true, []string{"network: x"}, false, 0},
		"found good already": {ready, true, nil, true, 0},
	} {
		cfg := config.Default()
		cfg.K3s.Enabled = c.k3s
		s := &counted{}
		k := &keeper{m: &boot.Machine{Config: cfg}, con: &console.Console{}, slots: s, now: c.now, failed: c.failed, good: c.good}
		k.judge()
		if s.asked != c.want {
			t.Errorf("%s: marked good %d times, want %d", name, s.asked, c.want)
		}
		if c.want == 1 && (k.good || k.goodErr != "read-only file system") {
			t.Errorf("%s: a state that cannot be written passes for good: %q", name, k.goodErr)
		}
	}
	(&keeper{m: &boot.Machine{}, con: &console.Console{}, now: ready}).judge() // live: no slots, nothing to mark
}

// TestGoodIsTriedAgain: a boot partition that cannot be written now may be writable at the next look.
func TestGoodIsTriedAgain(t *testing.T) {
	s := &counted{}
	k := &keeper{m: &boot.Machine{Config: config.Default()}, con: &console.Console{}, slots: s, now: status.Status{DefaultRoute: true, NodeReady: true}}
	for range 3 {
		k.judge()
	}
	if s.asked != 3 {
		t.Errorf("asked %d times", s.asked)
	}
}
