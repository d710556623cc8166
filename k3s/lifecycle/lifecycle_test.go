package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// journal records events in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) Status(format string, args ...any) { j.add(format, args...) }
func (j *journal) Failed(format string, args ...any) { j.add("failed: "+format, args...) }

// quiet records no status lines.
type quiet struct{ *journal }

func (quiet) Status(string, ...any) {}

func (j *journal) has(line string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Contains(j.lines, line)
}

// fake returns a component that runs until it is stopped and records both.
func (j *journal) fake(name string, after ...string) Component {
	return Component{Name: name, After: after, Run: func(ctx context.Context) error {
		j.add("run %s", name)
		<-ctx.Done()
		j.add("end %s", name)
		return nil
	}}
}

// steady returns a fake that is ready once it runs; without the check it would count as ready just before.
func (j *journal) steady(name string, after ...string) Component {
	c := j.fake(name, after...)
	c.Ready = func(context.Context) error {
		if !j.has("run " + name) {
			return errors.New("not yet")
		}
		return nil
	}
	return c
}

func (j *journal) wait(t *testing.T, line string) {
	t.Helper()
	for range 500 {
		if j.has(line) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q in %q", line, j.lines)
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	j := &journal{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, quiet{j}, []Component{j.steady("a"), j.steady("b", "a"), j.steady("c", "b", "a")})
	}()
	j.wait(t, "run c")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := []string{"run a", "run b", "run c", "end c", "end b", "end a"}
	if diff := cmp.Diff(want, j.lines); diff != "" {
		t.Error(diff)
	}
}

func TestWaitsForReady(t *testing.T) {
	j := &journal{}
	ctx, cancel := context.WithCancel(context.Background())
	slow, opened := j.fake("slow"), atomic.Bool{}
	slow.Ready = func(ctx context.Context) error {
		if opened.Load() {
			return nil
		}
		return never(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- Run(ctx, j, []Component{slow, j.fake("next", "slow")}) }()
	j.wait(t, "run slow")
	time.Sleep(50 * time.Millisecond)
	if j.has("run next") {
		t.Error("started before its predecessor was ready")
	}
	opened.Store(true)
	j.wait(t, "run next")
	cancel()
	<-done
}

func TestFailureIsNamedAndStopsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		bad  Component
		want string
	}{
		"error":    {Component{Name: "bad", Run: func(context.Context) error { return errors.New("disk full") }}, "bad: disk full"},
		"return":   {Component{Name: "bad", Run: func(context.Context) error { return nil }}, "bad: ended without an error"},
		"panic":    {Component{Name: "bad", Run: func(context.Context) error { panic("oops") }}, "bad: panic: oops"},
		"deadline": {Component{Name: "bad", Run: hang, Ready: never, Deadline: time.Millisecond}, "bad: not ready after 1ms: not yet"},
	} {
		t.Run(name, func(t *testing.T) {
			j := &journal{}
			err := Run(context.Background(), j, []Component{j.fake("good"), c.bad})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if !j.has("failed: " + c.want) {
				t.Errorf("no status line with the cause in %q", j.lines)
			}
			if !j.has("end good") && j.has("run good") {
				t.Error("the other component was left running")
			}
		})
	}
}

func hang(ctx context.Context) error { <-ctx.Done(); return nil }

func never(context.Context) error { return errors.New("not yet") }
