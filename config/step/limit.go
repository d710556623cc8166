package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config/guard"
)

// LateError is the error of a step that used up its time limit.
type LateError struct{ Limit time.Duration }

func (e *LateError) Error() string { return fmt.Sprintf("not done after %s", e.Limit) }

func late(err error) bool { return errors.As(err, new(*LateError)) }

// Moved says that the step which has this context makes progress: its limit starts again. For work whose duration
// depends on the speed of a disk or a connection.
func Moved(ctx context.Context) {
	if moved, ok := ctx.Value(progress{}).(chan struct{}); ok {
		select {
		case moved <- struct{}{}:
		default: // the runner has not seen the last one yet
		}
	}
}

// progress is the key of a step's channel in its context.
type progress struct{}

// limited runs a step until its limit, which starts again whenever the step calls Moved.
func limited[T any](ctx context.Context, r Runner, s Step[T], shared T) error {
	if !r.Bounded || s.Limit == 0 {
		return guarded(ctx, s, shared)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	moved, done := make(chan struct{}, 1), make(chan error, 1)
	go func() { done <- guarded(context.WithValue(ctx, progress{}, moved), s, shared) }()
	limit := time.NewTimer(s.Limit)
	defer limit.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-moved:
			limit.Reset(s.Limit)
		case <-limit.C:
			return &LateError{s.Limit}
		}
	}
}

// guarded runs a step and turns a panic into an error with the stack: a panic in PID 1 would be a kernel panic.
func guarded[T any](ctx context.Context, s Step[T], shared T) error {
	err := guard.Call(func() error { return s.Func(ctx, shared) })
	if p := (*guard.Panic)(nil); errors.As(err, &p) {
		err = errors.Join(err, errors.New(string(p.Stack)))
	}
	return err
}
