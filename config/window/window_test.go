package window

import (
	"strings"
	"testing"
	"time"
)

// TestOpen: it goes on after midnight, by the wall clock of its zone, and agrees with Next.
func TestOpen(t *testing.T) {
	w, err := Parse([]string{"sat", "sun"}, "23:00", 0, "Europe/Berlin", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2027, 3, day, hour, minute, 0, 0, w.Zone) } // the 1st is a Monday
	for _, c := range []struct {
		now   time.Time
		until time.Time // zero: it is closed
	}{
		{at(6, 22, 59), time.Time{}}, {at(6, 23, 0), at(7, 3, 0)}, {at(7, 2, 59), at(7, 3, 0)}, {at(7, 3, 0), time.Time{}},
		{at(8, 1, 0), at(8, 3, 0)}, {at(8, 23, 30), time.Time{}}, {at(6, 22, 30).UTC(), time.Time{}},
		{at(28, 1, 30), at(28, 4, 0)}, // the clock is put forward at two
	} {
		until, open := w.Open(c.now)
		if open != !c.until.IsZero() || open && !until.Equal(c.until) {
			t.Errorf("%s: %s, %t", c.now, until, open)
		}
		if next := w.Next(c.now, 0); open != next.Equal(c.now) {
			t.Errorf("%s: open %t, next %s", c.now, open, next)
		}
	}
	if until, open := (Window{}).Open(at(1, 1, 1)); !open || !until.IsZero() {
		t.Error("the zero window is closed")
	}
}

func TestParse(t *testing.T) {
	if w, err := Parse(nil, "", 0, "", time.UTC); err != nil || w.Set {
		t.Errorf("%+v, %v", w, err)
	}
	for want, c := range map[string]struct {
		days   []string
		start  string
		length time.Duration
		zone   string
	}{
		"days: \"saturday\"": {days: []string{"saturday"}},
		"start: \"2:00\"":    {start: "2:00"},
		"start: \"25:00\"":   {start: "25:00"},
		"length: 1m0s":       {start: "02:00", length: time.Minute},
		"length: 25h0m0s":    {start: "02:00", length: 25 * time.Hour},
		"timezone: ":         {start: "02:00", zone: "Europe/Berlim"},
	} {
		if _, err := Parse(c.days, c.start, c.length, c.zone, time.UTC); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
