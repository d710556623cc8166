package lifecycle

import (
	"context"
	"testing"
	"time"
)

// stubborn ignores cancellation.
func stubborn(context.Context) error { select {} }

func runAndStop(t *testing.T, j *journal, when string, list ...Component) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, j, list) }()
	j.wait(t, when)
	began := time.Now()
	cancel()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("still stopping: %q", j.lines)
	}
	return time.Since(began)
}

func TestWhatNeverBecameReadyIsNotWaitedFor(t *testing.T) {
	j := &journal{}
	took := runAndStop(t, j, "starting: starting",
		j.fake("good"), Component{Name: "starting", Run: stubborn, Ready: never}, j.fake("next", "starting"))
	if took > 2*time.Second || j.has("run next") {
		t.Errorf("took %s: %q", took, j.lines)
	}
	if !j.has("end good") {
		t.Errorf("what was ready was not waited for: %q", j.lines)
	}
}

func TestWayDownIsBounded(t *testing.T) {
	j := &journal{}
	l := lifecycle{report: j}
	for _, name := range []string{"a", "b", "c"} {
		r := &running{Component: Component{Name: name, Stop: time.Hour}, cancel: func() { j.add("cancel %s", name) },
			ready: make(chan struct{}), done: make(chan struct{})}
		close(r.ready)
		l.all = append(l.all, r)
	}
	began := time.Now()
	l.stop(200 * time.Millisecond)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	for _, line := range []string{"cancel a", "cancel c", "a: did not stop in time, not waiting any longer"} {
		if !j.has(line) {
			t.Errorf("no %q in %q", line, j.lines)
		}
	}
}
