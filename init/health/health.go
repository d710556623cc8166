// Package health decides whether a slot is good, and what to do if it is not by the deadline. It is a pure function
// from facts to a verdict. It requires of a slot nothing that failed on this machine before.
package health

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts are the inputs of the decision.
type Facts struct {
	FailedSteps []Failed
	Route       bool // there is a default route
	IPv4Route   bool // there is one of IPv4
	K3s         bool // Kubernetes is enabled
	NodeReady   bool
	ReadyFor    time.Duration // how long the node has been Ready without a restart of k3s (Steady)
	Restarts    int           // of k3s since the boot
	K3sLine     string        // its state in one line
	Checks      []Check       // the user's; none: there are none, or they do not run

	Before   *Held // what worked when a slot of this machine was last good; nil: none was yet
	Trial    bool  // the slot is on trial
	Fallback bool  // another slot is good and can take over
	Deadline time.Duration
	Elapsed  time.Duration // time since the services were started
}

// ReadyLong is how long the node of a slot on trial must be Ready without a restart of k3s. A runtime that is Ready and
// then ends, again and again, is not good.
const ReadyLong = 30 * time.Second

// Check is the state of one of the user's checks.
type Check struct {
	Name string
	Why  string // why it does not hold; empty: it does
}

// Failed is a failed boot step.
type Failed struct{ Step, Why string }

func (f Failed) String() string { return f.Step + ": " + f.Why }

// Texts returns them as lines for users.
func Texts(failed []Failed) (out []string) {
	for _, f := range failed {
		out = append(out, f.String())
	}
	return out
}

// Held is stored on the data partition whenever a slot is marked good.
type Held struct {
	DefaultRoute bool     `json:"default_route"`
	IPv4Route    bool     `json:"ipv4_route"`
	FailedSteps  []string `json:"failed_steps,omitempty"` // names
}

// condition is one row: what must be true, and the message if it is not.
type condition struct {
	name  string
	holds func(Facts) bool
	why   func(Facts) string
}

// conditions are checked in this order; the first one that fails is reported.
func conditions() []condition {
	return []condition{
		{"boot steps", func(f Facts) bool { return len(f.worse()) == 0 }, func(f Facts) string { return strings.Join(f.worse(), "; ") }},
		{"default route", func(f Facts) bool { return f.Route || !f.routeAsked() }, func(Facts) string { return "there is none" }},
		{"IPv4 default route", func(f Facts) bool { return f.IPv4Route || f.Before == nil || !f.Before.IPv4Route }, func(Facts) string { return "there is none" }},
		{"node Ready", Facts.ready, Facts.whyNotReady},
		{"user checks", func(f Facts) bool { return len(f.failing()) == 0 }, func(f Facts) string { return strings.Join(f.failing(), "; ") }},
	}
}

// ready does not ask a slot that was good for more than it is: nothing would follow from it.
func (f Facts) ready() bool {
	return !f.K3s || f.NodeReady && (!f.Trial || f.ReadyFor >= ReadyLong)
}

func (f Facts) whyNotReady() (why string) {
	why = f.K3sLine
	if f.NodeReady {
		why = fmt.Sprintf("for %s of %s without a restart of k3s", f.ReadyFor.Truncate(time.Second), ReadyLong)
	}
	switch {
	case f.Restarts == 1:
		why = "k3s was restarted once; " + why
	case f.Restarts > 1:
		why = fmt.Sprintf("k3s was restarted %d times; %s", f.Restarts, why)
	}
	return why
}

func (f Facts) failing() (out []string) {
	for _, c := range f.Checks {
		if c.Why != "" {
			out = append(out, c.Name+": "+c.Why)
		}
	}
	return out
}

// worse returns the steps that fail and did not before.
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

// given says whether the conditions apply to a machine that has no earlier good boot to compare with. They do, except
// on its first slot, which is on trial without a fallback, once the deadline is over.
func (f Facts) given() bool { return f.Fallback || !f.Trial || f.Elapsed < f.Deadline }

// routeAsked says whether a default route is required. It is not on a machine that had none before. On the first slot
// it is until the deadline.
func (f Facts) routeAsked() bool {
	if f.Before != nil {
		return f.Before.DefaultRoute
	}
	return f.given()
}

// Verdict is what to do.
type Verdict string

// The verdicts.
const (
	Wait   Verdict = "wait"    // not good yet
	Good   Verdict = "good"    // mark it good
	GiveUp Verdict = "give up" // restart: the next try, or the other slot
	Stay   Verdict = "stay"    // not good, and a restart would not help
)

// Judgement is a verdict with its reason.
type Judgement struct {
	Verdict   Verdict
	Condition string // condition that fails; empty if the slot is good
	Why       string
}

// Judge applies the conditions and the deadline.
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
		return Wait // a good slot is not restarted: it is the fallback
	case f.Fallback:
		return GiveUp
	}
	return Stay
}

// Told is one condition and whether it holds.
type Told struct {
	Condition string
	Holds     bool
	Why       string // why it does not
}

func (t Told) String() string {
	if t.Holds {
		return "ok    " + t.Condition
	}
	return "FAIL  " + t.Condition + ": " + t.Why
}

// All returns every condition, in the order in which Judge looks at them, and each of the user's checks by its name.
func (f Facts) All() (out []Told) {
	rows := conditions()
	for _, c := range rows[:len(rows)-1] {
		t := Told{Condition: c.name, Holds: c.holds(f)}
		if !t.Holds {
			t.Why = c.why(f)
		}
		out = append(out, t)
	}
	for _, c := range f.Checks {
		out = append(out, Told{"check " + c.Name, c.Why == "", c.Why})
	}
	return out
}

// Text returns the line for `proa status`, empty if the slot is good.
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

// Print returns the table for the golden file.
func Print() string {
	out := "health\n"
	for i, c := range conditions() {
		out += fmt.Sprintf("%3d  %s\n", i+1, c.name)
	}
	return out
}
