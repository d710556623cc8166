// Package window is a time of the week in which machines may upgrade: pure functions of the time. A machine's own schedule
// (upgrade.window of its configuration) and the cluster's roll-out (spec.window of an Upgrade) have the same form. It
// refuses days, times, lengths and zones that do not exist, and does not know whether the clock is right.
package window

import (
	"fmt"
	"slices"
	"time"
)

// Window is a time of the week. The zero value is always open.
type Window struct {
	Set    bool // otherwise it is always
	Days   []string
	Start  time.Duration // after midnight, on the wall clock
	Length time.Duration
	Zone   *time.Location
}

// Limits and the default of the length.
const (
	MinLength     = 15 * time.Minute
	MaxLength     = 24 * time.Hour
	DefaultLength = 4 * time.Hour
)

// days in the order of time.Weekday.
var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Parse reads a window. Without start it is always; length 0 is the default, zone "" is local.
func Parse(on []string, start string, length time.Duration, zone string, local *time.Location) (w Window, err error) {
	w = Window{Set: start != "", Days: on, Length: length, Zone: local}
	for _, d := range on {
		if !slices.Contains(days, d) {
			return Window{}, fmt.Errorf("days: %.20q is none of mon, tue, wed, thu, fri, sat, sun", d)
		}
	}
	if w.Set {
		at, err := time.Parse("15:04", start)
		if err != nil || len(start) != len("15:04") {
			return Window{}, fmt.Errorf("start: %.20q is no time of day such as 02:00", start)
		}
		w.Start = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	if w.Length == 0 {
		w.Length = DefaultLength
	}
	if w.Length < MinLength || w.Length > MaxLength {
		return Window{}, fmt.Errorf("length: %s is not from %s to %s", w.Length, MinLength, MaxLength)
	}
	if zone != "" {
		if w.Zone, err = time.LoadLocation(zone); err != nil {
			return Window{}, fmt.Errorf("timezone: %w", err)
		}
	}
	return w, nil
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
		begin := w.begin(day, i)
		if !w.on(begin.Weekday()) || !now.Before(begin.Add(w.Length)) {
			continue
		}
		if open := begin.Add(jitter); open.After(now) {
			return open
		}
		return now
	}
	return now.AddDate(0, 0, 7) // no day of the week: Parse refuses that
}

// Open says whether the window is open, and until when; zero: always.
func (w Window) Open(now time.Time) (until time.Time, open bool) {
	if !w.Set {
		return time.Time{}, true
	}
	day := now.In(w.Zone)
	for i := -1; i <= 0; i++ {
		begin := w.begin(day, i)
		if end := begin.Add(w.Length); w.on(begin.Weekday()) && !now.Before(begin) && now.Before(end) {
			until, open = end, true
		}
	}
	return until, open
}

// begin is when the window begins on a day so many days later.
func (w Window) begin(day time.Time, later int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+later, 0, int(w.Start/time.Minute), 0, 0, w.Zone)
}

func (w Window) on(d time.Weekday) bool { return len(w.Days) == 0 || slices.Contains(w.Days, days[d]) }
