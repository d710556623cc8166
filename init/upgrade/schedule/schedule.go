// Package schedule says what a machine does by itself about upgrades, and when: a pure function of the time, the
// configuration, what was done last, and the machine's id. It does nothing itself, and never lets a machine restart
// outside of its window, or by a clock that is not known to be right.
package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/window"
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
	w, err := window.Parse(c.Window.Days, c.Window.Start, duration(c.Window.Length), c.Window.Timezone, local)
	p.Window, p.Manual = w, p.Manual || err != nil // config has refused it; a machine never restarts at another time
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
type Window = window.Window
