package slot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/aftergood"
)

// day simulates a machine from the moment its running slot was marked good: each letter of ends is how a boot ends, an hour
// after it began: s with a shutdown, w reset by the watchdog, l lost without a trace. It returns the slots of the boots, and
// why a slot was given up. PID 1 does the same in init/pid1 (judgeLastEnd).
func day(t *testing.T, c tested, dir, ends string) (order, why string) {
	t.Helper()
	now, since := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), time.Duration(0)
	file := filepath.Join(t.TempDir(), aftergood.File)
	open := func() *aftergood.Keeper {
		return aftergood.Open(file, os.WriteFile, func() time.Duration { return since })
	}
	k := open()
	must(t, k.Good(layout.B, "b", now))
	for _, end := range ends {
		now, since = now.Add(time.Hour), since+time.Hour
		must(t, k.Look(now))
		if end == 's' {
			must(t, k.Ended())
		}
		s := c.boot(t, c, dir)
		order += string(s)
		on, _, err := c.open(t, dir, s).Trial()
		must(t, err)
		cause := ""
		if end == 'w' {
			cause = aftergood.Watchdog
		}
		k, since = open(), time.Minute
		said, err := k.Started(aftergood.Boot{Slot: s, Root: string(s), Trial: on, Now: now, Cause: cause})
		must(t, err)
		if said == "" {
			continue
		}
		switch err := c.open(t, dir, s).GiveUp(); {
		case errors.Is(err, ErrNoOther):
			why += "stays; "
		case err != nil:
			t.Fatal(err)
		default:
			why += said + "; "
			must(t, k.Ended()) // the restart is a shutdown in order
			s = c.boot(t, c, dir)
			order += string(s)
			_, err = k.Started(aftergood.Boot{Slot: s, Root: string(s), Now: now})
			must(t, err)
		}
	}
	return order, why
}

// TestAfterGood: on every chain a slot that only looked good is left for the one before, once, and never for one that was
// not good.
func TestAfterGood(t *testing.T) {
	const good = 4 // of histories: b is good after a trial, a was before
	for name, c := range map[string]struct {
		ends, order, why string
	}{
		"shutdowns":                  {"sssss", "bbbbb", ""},
		"watchdog":                   {"w", "ba", "the watchdog reset the machine, found 1h0m0s after the slot was marked good; "},
		"watchdog, then power cuts":  {"swlllll", "bbaaaaaa", "the watchdog reset the machine, found 2h0m0s after the slot was marked good; "},
		"two power cuts":             {"lsls", "bbbb", ""},
		"three":                      {"lsllll", "bbbbaaa", "the machine stopped 3 times without a shutdown within 4h0m0s after the slot was marked good; "},
		"watchdog a day later":       {strings.Repeat("s", 24) + "wlll", strings.Repeat("b", 28), ""},
		"watchdog on the second day": {strings.Repeat("s", 30) + "w", strings.Repeat("b", 31), ""},
	} {
		conform(t, func(t *testing.T, on tested, dir string) {
			histories()[good].make(t, on, dir)
			if order, why := day(t, on, dir, c.ends); order != c.order || why != c.why {
				t.Errorf("%s: boots go %s, %q; want %s, %q", name, order, why, c.order, c.why)
			}
		})
	}
	conform(t, func(t *testing.T, c tested, dir string) {
		histories()[good].make(t, c, dir)
		must(t, rewrite(c.open(t, dir, layout.B))) // slot a is being written for the next upgrade
		if order, why := day(t, c, dir, "wlll"); order != "bbbb" || why != "stays; stays; stays; " {
			t.Errorf("no other slot: boots go %s, %q", order, why)
		}
	})
}

// TestGivenUpIsNotTried: a slot that was given up after it was good is tried again only if a user says so.
func TestGivenUpIsNotTried(t *testing.T) {
	conform(t, func(t *testing.T, c tested, dir string) {
		histories()[4].make(t, c, dir)
		if order, _ := day(t, c, dir, "w"); order != "ba" {
			t.Fatalf("boots go %s", order)
		}
		a := c.open(t, dir, layout.A)
		if st, err := a.Standing(); err != nil || !st.GivenUp || st.Good {
			t.Errorf("%+v, %v", st, err)
		}
		must(t, a.Good())
		if got := boots(t, c, dir); got != "aaaaa" {
			t.Errorf("later boots go %s", got)
		}
		must(t, a.Try())
		if got := c.next(t, dir); got != layout.B {
			t.Errorf("a try that was asked for starts %q", got)
		}
	})
}
