// Package health decides whether a slot is good, and what follows when it is not by the deadline. It looks at nothing itself and does
// nothing: facts go in, a verdict comes out. It refuses to hold a slot to more than held on this machine before.
package health

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts is how the machine is.
type Facts struct {
	FailedSteps []Failed
	Route       bool // there is a default route
	K3s         bool // Kubernetes is not switched off
	NodeReady   bool
	K3sLine     string // its state in one line

	Before   *Held // what held when a slot of this machine was good last; nil: none was yet
	Trial    bool  // the slot has to prove itself
	Fallback bool  // another slot is good and can take over
	Deadline time.Duration
	Elapsed  time.Duration // since the services were started
}

// Failed is a boot step that did not hold.
type Failed struct{ Step, Why string }

func (f Failed) String() string { return f.Step + ": " + f.Why }

// Held is kept on the data partition whenever a slot is found good.
type Held struct {
	DefaultRoute bool     `json:"default_route"`
	FailedSteps  []string `json:"failed_steps,omitempty"` // names
}

// condition is one row: what must hold, and what is said when it does not.
type condition struct {
	name  string
	holds func(Facts) bool
	why   func(Facts) string
}

// conditions are looked at in this order; the first that does not hold is named.
func conditions() []condition {
	return []condition{
		{"boot steps", func(f Facts) bool { return len(f.worse()) == 0 }, func(f Facts) string { return strings.Join(f.worse(), "; ") }},
		{"default route", func(f Facts) bool { return f.Route || !f.routeAsked() }, func(Facts) string { return "there is none" }},
		{"node Ready", func(f Facts) bool { return f.NodeReady || !f.K3s }, func(f Facts) string { return f.K3sLine }},
	}
}

// worse are the steps that fail and did not before.
func (f Facts) worse() (out []string) {
	if f.Before == nil && !f.given() {
		return nil
	}
	for _, s := range f.FailedSteps {
		if f.Before == nil || !slices.Contains(f.Before.FailedSteps, s.Step) {
			out = append(out, s.String())
		}
	}
	return out
}

// given: the first slot of a machine has no before, and until the deadline to do better than nothing.
func (f Facts) given() bool { return f.Fallback || !f.Trial || f.Elapsed < f.Deadline }

// routeAsked: a machine that never had a default route shall have one no more than before. The first slot of a machine has no
// before: it is given until the deadline to get one.
func (f Facts) routeAsked() bool {
	if f.Before != nil {
		return f.Before.DefaultRoute
	}
	return f.given()
}

// Verdict is what is to be done.
type Verdict string

// The verdicts.
const (
	Wait   Verdict = "wait"    // it may become good yet
	Good   Verdict = "good"    // mark it so
	GiveUp Verdict = "give up" // restart: the next try, or the other slot, gets its turn
	Stay   Verdict = "stay"    // it is not good, and a restart would lead nowhere else
)

// Judgement is a verdict and its reason.
type Judgement struct {
	Verdict   Verdict
	Condition string // that does not hold; empty if the slot is good
	Why       string
}

// Judge looks at the table and at the clock.
func Judge(f Facts) Judgement {
	for _, c := range conditions() {
		if !c.holds(f) {
			return Judgement{f.verdict(), c.name, c.why(f)}
		}
	}
	return Judgement{Verdict: Good}
}

func (f Facts) verdict() Verdict {
	switch {
	case !f.Trial, f.Elapsed < f.Deadline:
		return Wait // a slot that was good is restarted by nobody: it is the one to go back to
	case f.Fallback:
		return GiveUp
	}
	return Stay
}

// Text is for `proa status`, empty if the slot is good.
func (j Judgement) Text(deadline time.Duration) string {
	if j.Condition == "" {
		return ""
	}
	reason := j.Condition + ": " + j.Why
	switch j.Verdict {
	case GiveUp:
		return fmt.Sprintf("not good after %s: %s; restarting", deadline, reason)
	case Stay:
		return fmt.Sprintf("not good after %s: %s; staying up, because there is no good slot to go back to", deadline, reason)
	}
	return "not good yet: " + reason
}

// Print is the golden form.
func Print() string {
	out := "health\n"
	for i, c := range conditions() {
		out += fmt.Sprintf("%3d  %s\n", i+1, c.name)
	}
	return out
}
