package clock

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func day(year int, month time.Month) time.Time {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// TestStart: RTC, saved time, and the time and state at boot.
func TestStart(t *testing.T) {
	built := day(2026, 1)
	none, battery := time.Time{}, day(1970, 1)
	for name, c := range map[string]struct {
		kept   time.Time
		sure   bool
		now    time.Time
		want   time.Time
		source string
		passed bool
	}{
		"first start, no battery":               {none, false, battery, built, "build", true},
		"first start, clock kept":               {none, false, day(2026, 5), day(2026, 5), "rtc", false},
		"no battery, synchronised before":       {day(2026, 4), true, battery, day(2026, 4), "kept", true},
		"no battery, never synchronised":        {day(2026, 4), false, battery, day(2026, 4), "kept", false},
		"no battery, kept from an older system": {day(2025, 4), true, battery, built, "build", true},
		"battery behind":                        {day(2026, 4), true, day(2026, 2), day(2026, 4), "kept", true},
		"battery ahead":                         {day(2026, 4), true, day(2030, 2), day(2030, 2), "rtc", false},
		"was ahead, has been put right":         {day(2030, 2), false, day(2026, 5), day(2026, 5), "rtc", false},
	} {
		file := filepath.Join(t.TempDir(), "clock")
		if c.kept != none {
			if err := Save(os.WriteFile, file, c.kept, c.sure); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := os.ReadFile(file)
		if to, s := Start(string(text), built, c.now); !to.Equal(c.want) || s.Source != c.source || s.Sure != c.passed {
			t.Errorf("%s: %s %+v", name, to, s)
		}
	}
}

// TestKeptText: an invalid text is the zero time; earlier releases wrote the time only, which is not sure.
func TestKeptText(t *testing.T) {
	for text, want := range map[string]string{"": "build", "torn": "build", "2026-04-01T00:00": "build", "2026-04-01T00:00:00Z\n": "kept", "2026-04-01T00:00:00Z sure\n": "kept"} {
		to, s := Start(text, day(2026, 1), day(1970, 1))
		if s.Source != want || s.Sure != (want == "build" || strings.Contains(text, "sure")) || to.Year() != 2026 {
			t.Errorf("%q: %s %+v", text, to, s)
		}
	}
}

// TestSaveKeeps: the time is saved in seconds and in UTC, whatever the caller's time zone.
func TestSaveKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clock")
	now := time.Date(2026, 5, 1, 14, 3, 2, 999, time.FixedZone("x", 7200))
	if err := Save(os.WriteFile, file, now, true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if string(text) != "2026-05-01T12:03:02Z sure\n" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if last, sure := parse(string(text)); !last.Equal(now.Truncate(time.Second)) || !sure {
		t.Errorf("%s %t", last, sure)
	}
}

func TestText(t *testing.T) {
	since, last := day(2026, 4), day(2026, 5)
	for want, s := range map[string]State{
		"not synchronised; time from the RTC": {Source: "rtc"},
		"synchronised since 2026-04-01 00:00:00Z, last at 2026-05-01 00:00:00Z by a, b, off by -1.5ms; ntp: a: timeout": {Source: "ntp", Since: &since, Last: &last,
			Servers: []string{"a", "b"}, Offset: -1.5, Problem: "ntp: a: timeout"},
	} {
		if got := s.Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
