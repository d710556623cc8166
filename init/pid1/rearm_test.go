package pid1

import (
	"errors"
	"testing"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
)

// trier is firmware that boots one try at a time, with left tries left.
type trier struct {
	slot.Slots
	left int
	err  error
}

func (t *trier) Other() layout.Slot   { return layout.B }
func (t *trier) Rearm() (bool, error) { return t.Arm() }
func (t *trier) Restart() string      { return "0 tryboot" }
func (t *trier) Fallback() cmdline.Fallback {
	return map[bool]cmdline.Fallback{true: {Slot: "b", Tries: 3}}[t.left == 0]
}

func (t *trier) Arm() (bool, error) {
	if t.err != nil || t.left == 0 {
		return false, t.err
	}
	t.left--
	return true, nil
}

// TestArgument: only a restart counts a try and has an argument, once; a try counted by rearm is not counted again.
func TestArgument(t *testing.T) {
	for name, c := range map[string]struct {
		s     slot.Slots
		end   shutdown.End
		armed bool
		want  string
		left  int
	}{
		"restart":            {&trier{left: 3}, shutdown.Reboot, false, "0 tryboot", 2},
		"power off":          {&trier{left: 3}, shutdown.PowerOff, false, "", 3},
		"counted by rearm":   {&trier{left: 2}, shutdown.Reboot, true, "0 tryboot", 2},
		"no tries left":      {&trier{}, shutdown.Reboot, false, "", 0},
		"state not readable": {&trier{left: 3, err: errors.New("input/output error")}, shutdown.Reboot, false, "", 3},
		"another chain":      {&counted{}, shutdown.Reboot, false, "", 0},
		"no chain":           {nil, shutdown.Reboot, false, "", 0},
	} {
		k := &keeper{m: &boot.Machine{}, con: &console.Console{}, slots: c.s, armed: c.armed, lock: free}
		if got := k.argument(c.end); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if tr, ok := c.s.(*trier); ok && tr.left != c.left {
			t.Errorf("%s: %d tries left, want %d", name, tr.left, c.left)
		}
	}
}

// TestAsksAgain: it requests tries while there are some, and then sets the fallback.
func TestAsksAgain(t *testing.T) {
	tr := &trier{left: 2}
	k := &keeper{m: &boot.Machine{}, con: &console.Console{}, slots: tr}
	for n, want := range []bool{true, true, false} {
		again, err := k.asksAgain()
		if again != want || err != nil || (k.m.Line.Fallback.String() == "b:3") == want {
			t.Errorf("start %d: again %t, %v, fallback %q", n+1, again, err, k.m.Line.Fallback)
		}
	}
	tr.err = errors.New("input/output error")
	if again, err := k.asksAgain(); again || err == nil {
		t.Errorf("state not readable: again %t, %v", again, err)
	}
	for _, other := range []slot.Slots{nil, &counted{}} {
		k := &keeper{m: &boot.Machine{}, con: &console.Console{}, slots: other}
		if again, err := k.asksAgain(); again || err != nil || k.m.Line.Fallback.String() != "" {
			t.Errorf("%T: again %t, %v", other, again, err)
		}
	}
}
