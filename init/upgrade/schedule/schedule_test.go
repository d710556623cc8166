package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the machine of the test may have none

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/upgrade"
)

var berlin, _ = time.LoadLocation("Europe/Berlin")

// at is a time in Berlin in the week of Monday, 2 November 2026.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, 11, 1+day, hour, minute, 0, 0, berlin)
}

// TestWindow: day 1 is Monday; the window is Saturday and Sunday from 23:00 for four hours.
func TestWindow(t *testing.T) {
	w := Window{Set: true, Days: []string{"sat", "sun"}, Start: 23 * time.Hour, Length: 4 * time.Hour, Zone: berlin}
	for _, test := range []struct{ now, want time.Time }{
		{at(1, 12, 0), at(6, 23, 30)},
		{at(6, 23, 0), at(6, 23, 30)}, // its part of the jitter
		{at(6, 23, 31), at(6, 23, 31)},
		{at(7, 2, 59), at(7, 2, 59)}, // Sunday morning, still Saturday's
		{at(7, 3, 0), at(7, 23, 30)},
		{at(8, 2, 0), at(8, 2, 0)},
		{at(8, 3, 0), at(13, 23, 30)},
	} {
		if got := w.Next(test.now.UTC(), 30*time.Minute); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", test.now, got.In(berlin), test.want)
		}
	}
	if got := w.Next(at(6, 23, 0), 24*time.Hour); !got.Equal(at(7, 1, 0)) {
		t.Errorf("a long jitter takes more than half of the window: %s", got)
	}
	if got := (Window{}).Next(at(1, 1, 1), time.Hour); !got.Equal(at(1, 1, 1)) {
		t.Errorf("no window: %s", got)
	}
	summer := Window{Set: true, Start: 2*time.Hour + 30*time.Minute, Length: time.Hour, Zone: berlin} // does not exist on 28 March 2027
	if got := summer.Next(time.Date(2027, 3, 27, 12, 0, 0, 0, berlin), 0); got.Day() != 28 {
		t.Errorf("the day without 02:30: %s", got)
	}
}

// TestNext: what a machine does with each policy.
func TestNext(t *testing.T) {
	now := at(1, 12, 0)
	window := Window{Set: true, Start: 2 * time.Hour, Length: time.Hour, Zone: berlin}
	for _, test := range []struct {
		name  string
		p     Policy
		s     State
		until upgrade.Until
		at    time.Time
	}{
		{"check after the boot", Policy{Automatic: "check", Interval: 6 * time.Hour}, State{Booted: now}, upgrade.Check, now},
		{"check again", Policy{Automatic: "check", Interval: 6 * time.Hour}, State{Looked: now}, upgrade.Check, at(1, 18, 0)},
		{"failed", Policy{Automatic: "check", Interval: 6 * time.Hour}, State{Looked: now, Failed: true}, upgrade.Check, at(1, 13, 0)},
		{"set back", Policy{Automatic: "check", Interval: 6 * time.Hour}, State{Looked: now.AddDate(9, 0, 0), Booted: now}, upgrade.Check, now},
		{"fetch", Policy{Automatic: "fetch", Interval: 6 * time.Hour}, State{Looked: now, Ready: true, Sure: true}, upgrade.Fetch, at(1, 18, 0)},
		{"apply looks", Policy{Automatic: "apply", Interval: 6 * time.Hour, Window: window}, State{Booted: now}, upgrade.Fetch, now},
		{"apply waits", Policy{Automatic: "apply", Interval: 24 * time.Hour, Window: window}, State{Looked: now, Ready: true, Sure: true}, upgrade.Apply, at(2, 2, 0)},
		{"apply looks meanwhile", Policy{Automatic: "apply", Interval: 6 * time.Hour, Window: window}, State{Looked: now, Ready: true, Sure: true}, upgrade.Fetch, at(1, 18, 0)},
		{"apply without a clock", Policy{Automatic: "apply", Interval: 24 * time.Hour, Window: window}, State{Looked: now, Ready: true}, upgrade.Fetch, at(2, 12, 0)},
		{"apply without a window", Policy{Automatic: "apply", Interval: 6 * time.Hour}, State{Looked: now, Ready: true}, upgrade.Apply, now},
		{"apply failed", Policy{Automatic: "apply", Interval: 6 * time.Hour}, State{Looked: now, Ready: true, Failed: true}, upgrade.Fetch, at(1, 13, 0)},
		{"manual", Policy{Automatic: "apply", Interval: 6 * time.Hour, Window: window, Manual: true}, State{Booted: now}, upgrade.Apply, now},
	} {
		got := Next(now, test.s, test.p, "x")
		if got.Until != test.until || !got.At.Equal(test.at) || got.Reboot != (test.until == upgrade.Apply && !test.p.Manual) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestJitter: machines spread over the jitter, each at its own time.
func TestJitter(t *testing.T) {
	var all []time.Duration
	for i := range 1000 {
		all = append(all, part(time.Hour, fmt.Sprint(i)))
	}
	slices.Sort(all)
	if all[0] < 0 || all[999] >= time.Hour || all[500] < 25*time.Minute || all[500] > 35*time.Minute {
		t.Errorf("%s … %s … %s", all[0], all[500], all[999])
	}
}

// TestOf: every key of the section is read.
func TestOf(t *testing.T) {
	c := config.Default().Upgrade
	if p := Of(c, time.UTC); !p.Off() || p.Interval != 6*time.Hour || p.Jitter != 30*time.Minute || p.Window.Set || p.Manual {
		t.Errorf("default: %+v", p)
	}
	c.Automatic, c.Interval, c.Jitter, c.Reboot = "apply", "24h", "0s", "manual"
	c.Window = config.Window{Days: []string{"sun"}, Start: "02:30", Length: "2h", Timezone: "Europe/Berlin"}
	p := Of(c, time.UTC)
	if p.Off() || p.Interval != 24*time.Hour || p.Jitter != 0 || !p.Manual || p.Window.Start != 150*time.Minute || p.Window.Length != 2*time.Hour || p.Window.Zone.String() != "Europe/Berlin" || p.Window.Days[0] != "sun" {
		t.Errorf("%+v", p)
	}
}

// TestFollow: a day of a machine that applies at night.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var did []string
		began, ready, broken := time.Now(), false, true // midnight UTC, 1 January 2000
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Hour)
		defer cancel()
		s := Service{ID: "x", Policy: Policy{Automatic: "apply", Interval: 10 * time.Hour, Window: Window{Set: true, Start: 2 * time.Hour, Length: time.Hour, Zone: time.UTC}},
			Ready: func() bool { return ready }, Sure: func() bool { return true }, Say: func(err error) { did = append(did, err.Error()) },
			Run: func(_ context.Context, until upgrade.Until, reboot bool) error {
				did = append(did, fmt.Sprintf("%s %d %t", time.Since(began), until, reboot))
				if broken {
					broken = false
					return errors.New("no network")
				}
				ready = time.Since(began) > 10*time.Hour
				return nil
			}}
		s.Follow(ctx)
		want := []string{"0s 1 false", "no network", "1h0m0s 1 false", "11h0m0s 1 false", "21h0m0s 1 false", "26h0m0s 2 true"}
		if !slices.Equal(did, want) {
			t.Errorf("%q", did)
		}
	})
}
