// Package step runs a literal list of named steps in order: the boot, a shutdown, writing a slot, the preparation of the
// runtime. A row has name, function, policy and time limit; the runner records start, duration and result of each. It
// knows nothing of what the steps do, and does not run them in parallel, because one ordered list is easier to
// understand.
package step

import (
	"context"
	"fmt"
	"time"
)

// Policy says what happens when a step fails.
type Policy string

const (
	// Halt ends the list: nothing can continue without this step.
	Halt Policy = "halt"
	// Rollback ends the list like Halt; the caller then gives up this slot if it is on trial.
	Rollback Policy = "rollback"
	// Warn reports the failure and continues. A slot with a failed Warn step at boot is not marked good.
	Warn Policy = "warn"
	// Retry repeats the step, and then continues like Warn.
	Retry Policy = "retry"
)

// Retries and RetryPause limit the time that Retry takes; a device that needs longer is waited for inside its step.
const (
	Retries    = 3
	RetryPause = 500 * time.Millisecond
)

// Step is one row of a list. T is the state that the steps share.
type Step[T any] struct {
	Name   string
	Func   func(context.Context, T) error
	Policy Policy
	Limit  time.Duration // how long the step may take; 0: any time
}

// Row is a Step, or a package's own type for its rows, which has the same fields: go vet wants the fields' names in
// literals of another package's type, and lists of rows are easier to read without.
type Row[T any] interface {
	~struct {
		Name   string
		Func   func(context.Context, T) error
		Policy Policy
		Limit  time.Duration
	}
}

// Runner has the callbacks that a list needs.
type Runner struct {
	List   string                                 // name of the list in the timeline
	Clock  func() time.Duration                   // time since the kernel started
	Begin  func(step string, limit time.Duration) // called before each step; may be nil
	Report func(Result)                           // called after each step; may be nil
	// Bounded makes the runner stop waiting for a step that has used up its limit: the step fails with a *LateError, its
	// context is cancelled, and its goroutine is left behind. Otherwise the limit is only passed to Begin.
	Bounded bool
}

// Error is the failure that ended a list.
type Error struct {
	Step   string
	Policy Policy
	Err    error
}

func (e *Error) Error() string { return e.Step + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Run runs the list. The error is a *Error of a Halt or Rollback step.
func Run[T any, R Row[T]](ctx context.Context, r Runner, list []R, shared T) ([]Result, error) {
	var results []Result
	for i, row := range list {
		s := Step[T](row)
		if r.Begin != nil {
			r.Begin(s.Name, s.Limit)
		}
		start := r.Clock()
		err := attempt(ctx, r, s, shared)
		res := Result{List: r.List, Index: i + 1, Count: len(list), Name: s.Name, Policy: s.Policy, StartMs: start.Milliseconds()}
		res.TookMs = float64((r.Clock() - start).Microseconds()) / 1000
		err = res.note(err)
		results = append(results, res)
		if r.Report != nil {
			r.Report(res)
		}
		if err != nil && (s.Policy == Halt || s.Policy == Rollback) {
			return results, &Error{s.Name, s.Policy, err}
		}
	}
	return results, nil
}

// attempt runs a step, and with the policy Retry repeats it. A step that was left behind still runs, so it is not
// repeated.
func attempt[T any](ctx context.Context, r Runner, s Step[T], shared T) error {
	err := limited(ctx, r, s, shared)
	for n := 1; s.Policy == Retry && n < Retries && system(err) && !late(err); n++ {
		time.Sleep(RetryPause)
		err = limited(ctx, r, s, shared)
	}
	return err
}

// Print formats the list for golden files and `init -print`.
func Print[T any, R Row[T]](name string, list []R) string {
	out := name + "\n"
	for i, row := range list {
		s := Step[T](row)
		out += fmt.Sprintf("%3d  %-18s %-9s %s\n", i+1, s.Name, s.Policy, s.Limit)
	}
	return out
}
