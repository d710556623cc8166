// Package schedule says what a machine does by itself about upgrades, and when: a pure function of the time, the
// configuration, what was done last, and the machine's id. It does nothing itself, and never lets a machine restart
// outside of its window, or by a clock that is not known to be right.
package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/upgrade"
)

// Policy is the section upgrade of the configuration.
type Policy struct {
	Automatic        string // off, check, fetch, apply
	Interval, Jitter time.Duration
	Window           Window
	Manual           bool // somebody else restarts the machine
}

// retry is when a look that failed is repeated, if Interval is longer.
const retry = time.Hour

// Of reads the section; config has checked the values. local is the zone of the machine.
func Of(c config.Upgrade, local *time.Location) Policy {
	p := Policy{Automatic: c.Automatic, Manual: c.Reboot == "manual", Interval: duration(c.Interval), Jitter: duration(c.Jitter)}
	p.Window = Window{Days: c.Window.Days, Length: duration(c.Window.Length), Zone: local}
	if at, err := time.Parse("15:04", c.Window.Start); err == nil {
		p.Window.Set, p.Window.Start = true, time.Duration(at.Hour())*time.Hour+time.Duration(at.Minute())*time.Minute
	}
	if zone, err := time.LoadLocation(c.Window.Timezone); err == nil && c.Window.Timezone != "" {
		p.Window.Zone = zone
	}
	return p
}

func duration(s string) time.Duration {
	d, _ := time.ParseDuration(s) // checked by config
	return d
}

// Off says whether there is nothing to do by itself.
func (p Policy) Off() bool { return p.Automatic == "off" || p.Automatic == "" }

// State is what was done.
type State struct {
	Looked time.Time // begin of the last look; zero: none since the boot
	Failed bool      // it failed
	Ready  bool      // a release lies in the other slot, and waits for a trial
	Sure   bool      // the clock was set by a time server, or is known otherwise
	Booted time.Time // begin of the service
}

// Action is what to do, and when.
type Action struct {
	At     time.Time // may be in the past
	Until  upgrade.Until
	Reboot bool
}

// Next returns the next action of a machine whose policy is not off.
func Next(now time.Time, s State, p Policy, id string) Action {
	look := Action{At: due(now, s, p, id), Until: upgrade.Check}
	switch p.Automatic {
	case "fetch":
		look.Until = upgrade.Fetch
	case "apply":
		look.Until = upgrade.Fetch // the window decides about the rest
		if p.Manual {
			look.Until = upgrade.Apply
		}
	}
	if p.Automatic != "apply" || p.Manual || !s.Ready || p.Window.Set && !s.Sure || s.Failed && look.At.After(now) {
		return look
	}
	apply := Action{At: p.Window.Next(now, part(p.Jitter, id)), Until: upgrade.Apply, Reboot: true}
	if look.At.Before(apply.At) {
		return look
	}
	return apply
}

// due is the time of the next look. A clock that was set back must not make it wait for ever.
func due(now time.Time, s State, p Policy, id string) time.Time {
	if s.Looked.IsZero() || s.Looked.After(now) {
		return s.Booted.Add(part(min(p.Jitter, p.Interval), id))
	}
	if s.Failed {
		return s.Looked.Add(min(p.Interval, retry+part(p.Jitter, id)))
	}
	return s.Looked.Add(p.Interval + part(p.Jitter, id))
}

// part is this machine's part of a jitter, always the same.
func part(of time.Duration, id string) time.Duration {
	sum := sha256.Sum256([]byte("jitter " + id))
	return time.Duration(float64(of) * (float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)))
}

// Window is a time of the week.
type Window struct {
	Set    bool // otherwise it is always
	Days   []string
	Start  time.Duration // after midnight, on the wall clock
	Length time.Duration
	Zone   *time.Location
}

// Next returns when a window is open next, now if it is. Within it a machine waits for its part of the jitter, at most half
// of the window.
func (w Window) Next(now time.Time, jitter time.Duration) time.Time {
	if !w.Set {
		return now
	}
	jitter = min(jitter, w.Length/2)
	day := now.In(w.Zone)
	for i := -1; i <= 8; i++ {
		begin := time.Date(day.Year(), day.Month(), day.Day()+i, 0, int(w.Start/time.Minute), 0, 0, w.Zone)
		if !w.on(begin.Weekday()) || !now.Before(begin.Add(w.Length)) {
			continue
		}
		if open := begin.Add(jitter); open.After(now) {
			return open
		}
		return now
	}
	return now.AddDate(0, 0, 7) // no day of the week: config refuses that
}

func (w Window) on(d time.Weekday) bool {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	return len(w.Days) == 0 || slices.Contains(w.Days, names[d])
}
