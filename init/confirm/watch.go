package confirm

import (
	"fmt"
	"time"
)

// condition is one row: what must hold if it held before, and for how long it may be lost, after the change and after a
// restart of the machine.
type condition struct {
	name        string
	holds       func(Holds) bool
	lost, start time.Duration
}

// conditions have the patience of what the machine does by itself: asking for a lease again, restarting a service.
func conditions() []condition {
	return []condition{
		{"default route", func(h Holds) bool { return h.Route }, time.Minute, 3 * time.Minute},
		{"IPv4 default route", func(h Holds) bool { return h.IPv4Route }, time.Minute, 3 * time.Minute},
		{"SSH server", func(h Holds) bool { return h.SSH }, time.Minute, 3 * time.Minute},
		{"node Ready", func(h Holds) bool { return h.Ready }, 5 * time.Minute, 10 * time.Minute},
	}
}

// Watch is the state between two looks at a machine with a configuration on trial.
type Watch struct {
	end    time.Duration            // when the time to confirm is over, since the watch began
	booted bool                     // the machine was restarted with it
	last   map[string]time.Duration // when a condition held last; absent: it has not held yet
}

// Begin returns the watch over a trial: from its beginning, or from a restart of the machine.
func Begin(t Trial, now time.Time) Watch {
	return Watch{end: t.Left(now), booted: t.Boots > 0}
}

// Look returns the state after a look at a time since the watch began, and why the configuration is put back, if it is.
func Look(w Watch, t Trial, at time.Duration, have Holds) (next Watch, why string) {
	next = Watch{w.end, w.booted, map[string]time.Duration{}}
	for _, c := range conditions() {
		last, held := w.last[c.name]
		if c.holds(have) {
			last, held = at, true
		}
		if held {
			next.last[c.name] = last
		}
		patience := c.lost
		if !held && w.booted {
			patience = c.start
		}
		if c.holds(t.Before) && at-last >= patience && why == "" {
			why = fmt.Sprintf("%s: lost for %s", c.name, patience)
		}
	}
	if at >= w.end {
		why = expired(t)
	}
	return next, why
}
