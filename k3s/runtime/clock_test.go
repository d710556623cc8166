package runtime

import (
	"context"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
)

// TestStepped: the wall clock counts, not the monotonic clock, which Go uses to compare times.
func TestStepped(t *testing.T) {
	s := New(&flags.Config{}, &notify.Notifier{})
	for name, at := range map[string]time.Time{"bootTime": s.bootTime, "now": s.now()} {
		if at != at.Round(0) {
			t.Errorf("%s has a monotonic reading: steps are not seen: %s", name, at)
		}
	}
	if got := s.stepped(s.now()).Abs(); got > time.Second {
		t.Errorf("no step: %s", got)
	}
	for _, step := range []time.Duration{-4 * 365 * 24 * time.Hour, time.Hour} {
		set := time.Unix(0, time.Now().UnixNano()+int64(step)) // as the clock reads after clock_settime(2)
		if got := s.stepped(set); (got - step).Abs() > time.Second {
			t.Errorf("a step of %s is taken for %s", step, got)
		}
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
