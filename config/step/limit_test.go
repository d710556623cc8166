package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// elapsed returns a clock that starts now.
func elapsed() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// hangs does not return before it is released, and does not look at its context.
func hangs(release chan struct{}) func(context.Context, *log) error {
	return func(context.Context, *log) error { <-release; return nil }
}

// TestLimit: a step that hangs is left behind at its limit and fails with its policy; it is not repeated, because it
// still runs. Its context ends, so that what looks at it stops.
func TestLimit(t *testing.T) {
	for _, policy := range []Policy{Halt, Rollback, Warn, Retry} {
		synctest.Test(t, func(t *testing.T) {
			release, l := make(chan struct{}), &log{}
			defer close(release)
			var ctx context.Context
			first := func(c context.Context, l *log) error { ctx = c; return hangs(release)(c, l) }
			list := []Step[*log]{{"disk", first, policy, time.Minute}, {"after", does("a", nil), Halt, time.Minute}}
			results, err := Run(t.Context(), Runner{Clock: elapsed(), Bounded: true}, list, l)
			if r := results[0]; r.Error != "not done after 1m0s" || r.TookMs != 60000 {
				t.Errorf("%s: %+v", policy, r)
			}
			ends := policy == Halt || policy == Rollback
			if (err != nil) != ends || ends && !errors.As(err, new(*LateError)) || (len(l.did) == 1) == ends {
				t.Errorf("%s: %v, did %q", policy, err, l.did)
			}
			if ctx.Err() == nil {
				t.Errorf("%s: the context of the step has not ended", policy)
			}
		})
	}
}

// TestNoLimit: without a limit, and when the limits are somebody else's, a step is waited for.
func TestNoLimit(t *testing.T) {
	slow := func(context.Context, *log) error { time.Sleep(time.Hour); return nil }
	for name, c := range map[string]struct {
		bounded bool
		limit   time.Duration
	}{"no limit": {true, 0}, "not bounded": {false, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			list := []Step[*log]{{"slow", slow, Halt, c.limit}}
			if results, err := Run(t.Context(), Runner{Clock: elapsed(), Bounded: c.bounded}, list, &log{}); err != nil || results[0].StartMs != 0 || results[0].TookMs != 3600000 {
				t.Errorf("%s: %+v, %v", name, results, err)
			}
		})
	}
}

// TestMoved: the limit starts again with each progress, and ends a step that makes none any more.
func TestMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		moves := func(ctx context.Context, l *log) error {
			for range 10 {
				time.Sleep(50 * time.Second)
				Moved(ctx)
			}
			return hangs(release)(ctx, l)
		}
		results, err := Run(t.Context(), Runner{Clock: elapsed(), Bounded: true}, []Step[*log]{{"sync", moves, Halt, time.Minute}}, &log{})
		if err == nil || results[0].TookMs != 560000 {
			t.Errorf("%+v, %v", results, err)
		}
	})
	Moved(t.Context()) // not in a list: nobody counts
}

// TestRetryPauses: a step is repeated a limited number of times, with pauses.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		list := []Step[*log]{{"boot", does("b", errors.New("no medium")), Retry, time.Minute}}
		results, err := Run(t.Context(), Runner{Clock: elapsed(), Bounded: true}, list, l)
		if err != nil || strings.Join(l.did, " ") != "b b b" || results[0].TookMs != 1000 || !results[0].Failed() {
			t.Errorf("%v, did %q, %+v", err, l.did, results)
		}
	})
}

// TestPanicOnTheStepsGoroutine: also there a panic is an error.
func TestPanicOnTheStepsGoroutine(t *testing.T) {
	list := []Step[*log]{{"explode", func(context.Context, *log) error { panic("boom") }, Halt, time.Minute}}
	_, err := Run(t.Context(), Runner{Clock: elapsed(), Bounded: true}, list, &log{})
	if err == nil || !strings.Contains(err.Error(), "explode: panic: boom") {
		t.Error(err)
	}
}
