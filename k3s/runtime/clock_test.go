package runtime

import (
	"context"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
)

// TestWallClock: the wall clock counts, not the monotonic clock, which Go uses to compare times.
func TestWallClock(t *testing.T) {
	s := New(&flags.Config{}, &notify.Notifier{})
	for name, at := range map[string]time.Time{"start": s.steps.start, "latest": s.steps.latest, "now": s.now()} {
		if at != at.Round(0) {
			t.Errorf("%s has a monotonic reading: steps are not seen: %s", name, at)
		}
	}
	if forward, back := s.steps.look(s.now(), sinceBoot()); forward.Abs() > time.Second || back.Abs() > time.Second {
		t.Errorf("no step: %s forward, %s back", forward, back)
	}
}

// TestSteps: what counts is the latest time that the clock has had, however often it was stepped since the start.
func TestSteps(t *testing.T) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	type look struct{ after, set, forward, back time.Duration }
	for name, looks := range map[string][]look{
		"never set":                  {{after: time.Hour}, {after: year}},
		"four years ahead":           {{day, -4 * year, -4 * year, 4 * year}},
		"behind":                     {{day, 4 * year, 4 * year, 0}},
		"a week ahead and back":      {{time.Hour, 7 * day, 7 * day, 0}, {time.Minute, -7 * day, 0, 7 * day}},
		"back, and the week is over": {{time.Hour, -7 * day, -7 * day, 7 * day}, {8 * day, 0, -7 * day, 0}},
		"ahead in two steps":         {{time.Hour, day, day, 0}, {0, day, 2 * day, 0}, {time.Minute, -day, day, day}},
		"a little, often":            {{time.Hour, -40 * time.Second, -40 * time.Second, 40 * time.Second}, {time.Hour, -40 * time.Second, -80 * time.Second, 40 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			now, up := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute
			s := beginSteps(now, up)
			for n, l := range looks {
				now, up = now.Add(l.after+l.set), up+l.after
				if forward, back := s.look(now, up); forward != l.forward || back != l.back {
					t.Errorf("look %d: %s forward, %s back; want %s and %s", n, forward, back, l.forward, l.back)
				}
			}
		})
	}
}

// TestNoStep: without a step there is no event, and the subscription ends with its context.
func TestNoStep(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stepped, err := watchSteps(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-stepped:
			t.Error("a step that was none")
		case <-time.After(300 * time.Millisecond):
		}
		stop()
	}
}
