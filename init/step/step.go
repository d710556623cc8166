// Package step runs a literal list of named steps in order and records how long each took and how it ended.
// It knows nothing of booting; it refuses to run steps side by side, because one page with one order is what
// makes a boot readable.
package step

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Policy says what the runner does when a step has failed.
type Policy string

const (
	// Halt ends the list: the machine cannot go on without this step.
	Halt Policy = "halt"
	// Rollback ends the list as Halt does; the caller then gives up this slot if it is only under trial.
	Rollback Policy = "rollback"
	// Warn reports the failure and goes on. A slot with a warned step is not marked good.
	Warn Policy = "warn"
	// Retry repeats the step, then goes on as Warn does.
	Retry Policy = "retry"
)

// Retries and RetryPause bound what Retry costs a boot: a device that needs longer is waited for inside its step.
const (
	Retries    = 3
	RetryPause = 500 * time.Millisecond
)

// Step is one row of a list. T is what the steps share.
type Step[T any] struct {
	Name   string
	Func   func(context.Context, T) error
	Policy Policy
	Limit  time.Duration // after it, whoever watches the list may take the step for hung; the runner goes on waiting
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
	// User is what the user's document asked for in vain; the step held all the same.
	User []string `json:"user,omitempty"`
}

// Failed reports whether the step did not hold.
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

// Runner is what a list needs from its surroundings.
type Runner struct {
	List   string
	Clock  func() time.Duration                   // since the kernel started
	Begin  func(name string, limit time.Duration) // before each step; may be nil
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

// Run works through the list. The error is a *Error and comes only from a Halt or Rollback step.
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
	err := guard(ctx, s, shared)
	for n := 1; system(err) && s.Policy == Retry && n < Retries; n++ {
		r.Sleep(RetryPause)
		err = guard(ctx, s, shared)
	}
	return err
}

// guard turns a panic into an error: the process that runs the list must not die of it.
func guard[T any](ctx context.Context, s Step[T], shared T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("panic: %v", p), errors.New(string(debug.Stack())))
		}
	}()
	return s.Func(ctx, shared)
}

// Print writes the list the way the golden files and `init -print` show it.
func Print[T any](name string, list []Step[T]) string {
	out := name + "\n"
	for i, s := range list {
		out += fmt.Sprintf("%3d  %-18s %-9s %s\n", i+1, s.Name, s.Policy, s.Limit)
	}
	return out
}
