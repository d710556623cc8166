// Package step runs a literal list of named steps in order and records duration and result of each. It knows nothing of
// booting. It does not run steps in parallel, because a boot is easier to understand as one ordered list.
package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/init/guard"
)

// Policy says what happens when a step fails.
type Policy string

const (
	// Halt ends the list: the machine cannot continue without this step.
	Halt Policy = "halt"
	// Rollback ends the list like Halt; the caller then gives up this slot if it is on trial.
	Rollback Policy = "rollback"
	// Warn reports the failure and continues. A slot with a failed Warn step is not marked good.
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
	Limit  time.Duration // after it the watchdog guard considers the step hung; the runner itself keeps waiting
}

// Result is one line of the timeline.
type Result struct {
	List    string  `json:"list"`
	Index   int     `json:"index"`
	Count   int     `json:"count"`
	Name    string  `json:"name"`
	Policy  Policy  `json:"policy"`
	StartMs int64   `json:"start_ms"`
	TookMs  float64 `json:"took_ms"`
	Error   string  `json:"error,omitempty"`
	// User are the errors of the user's configuration; the step itself succeeded.
	User []string `json:"user,omitempty"`
}

// Failed says whether the step failed.
func (r Result) Failed() bool { return r.Error != "" }

func (r Result) String() string {
	state := "ok"
	if r.Failed() {
		state = fmt.Sprintf("FAILED (%s)", r.Policy)
	}
	if !r.Failed() && len(r.User) > 0 {
		state = "not as configured"
	}
	line := fmt.Sprintf("boot %d/%d %s %s %.0fms", r.Index, r.Count, r.Name, state, r.TookMs)
	if r.Failed() {
		line += ": " + r.Error
	}
	if len(r.User) > 0 {
		line += ": " + strings.Join(r.User, "; ")
	}
	return line
}

// Runner has the callbacks that a list needs.
type Runner struct {
	List   string
	Clock  func() time.Duration                   // time since the kernel started
	Begin  func(name string, limit time.Duration) // called before each step; may be nil
	Report func(Result)
	Sleep  func(time.Duration)
}

// Error is the failure that ended a list.
type Error struct {
	Step   string
	Policy Policy
	Err    error
}

func (e *Error) Error() string { return "boot: " + e.Step + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Run runs the list. The error is a *Error of a Halt or Rollback step.
func Run[T any](ctx context.Context, r Runner, list []Step[T], shared T) ([]Result, error) {
	var results []Result
	for i, s := range list {
		if r.Begin != nil {
			r.Begin(s.Name, s.Limit)
		}
		start := r.Clock()
		err := attempt(ctx, r, s, shared)
		res := Result{List: r.List, Index: i + 1, Count: len(list), Name: s.Name, Policy: s.Policy, StartMs: start.Milliseconds()}
		res.TookMs = float64((r.Clock() - start).Microseconds()) / 1000
		err, user := split(err)
		if err != nil {
			res.Error = err.Error()
		}
		for _, u := range user {
			res.User = append(res.User, u.Error())
		}
		results = append(results, res)
		r.Report(res)
		if err != nil && (s.Policy == Halt || s.Policy == Rollback) {
			return results, &Error{s.Name, s.Policy, err}
		}
	}
	return results, nil
}

func attempt[T any](ctx context.Context, r Runner, s Step[T], shared T) error {
	err := guarded(ctx, s, shared)
	for n := 1; system(err) && s.Policy == Retry && n < Retries; n++ {
		r.Sleep(RetryPause)
		err = guarded(ctx, s, shared)
	}
	return err
}

// guarded runs a step and turns a panic into an error with the stack, because it runs in PID 1.
func guarded[T any](ctx context.Context, s Step[T], shared T) error {
	err := guard.Call(func() error { return s.Func(ctx, shared) })
	if p := (*guard.Panic)(nil); errors.As(err, &p) {
		err = errors.Join(err, errors.New(string(p.Stack)))
	}
	return err
}

// Print formats the list for golden files and `init -print`.
func Print[T any](name string, list []Step[T]) string {
	out := name + "\n"
	for i, s := range list {
		out += fmt.Sprintf("%3d  %-18s %-9s %s\n", i+1, s.Name, s.Policy, s.Limit)
	}
	return out
}
