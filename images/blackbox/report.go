package blackbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/images/layout"
)

// AfterGood is the step of a verdict about a slot that was good, can be started, and was given up nevertheless.
const AfterGood = "after good"

// Report describes a slot's last trial.
type Report struct {
	Slot    layout.Slot `json:"slot"`
	GivenUp bool        `json:"given_up"`
	Tries   int         `json:"tries"` // tries made; 0: the boot loader could not load the slot
	Left    []Try       `json:"reached,omitempty"`
	// Why is the reason why a slot that was good was given up; such a report has no tries.
	Why string `json:"why,omitempty"`
	// Root is what it had then: the first digits of the root hash, as in Record.
	Root string `json:"root,omitempty"`
}

// Try is the last step that one try reached. A try that left no record is not listed.
type Try struct {
	Try     int    `json:"try"`
	Step    string `json:"step"`
	State   State  `json:"state"`
	Error   string `json:"error,omitempty"`
	Seconds int    `json:"seconds"` // since the kernel started
	// Console is the newest lines of the console then.
	Console []string `json:"console,omitempty"`
}

// Report returns the report of the slot's last trial; it is empty if there was none since the slot was marked good or
// written.
func (b Box) Report(slot layout.Slot) Report {
	rep := Report{Slot: slot}
	root, watched := "", false
	for _, r := range b.history(slot) {
		if r.State.ofSlot() {
			watched = r.State == Good && r.Step == Watched
		} else if watched {
			continue // no trial, see Starts
		}
		switch last := rep.last(); {
		case r.State == GivenUp && r.Error != "":
			rep = Report{Slot: slot, GivenUp: true, Why: strings.TrimPrefix(r.Step+": "+r.Error, ": "), Root: r.Root}
			continue
		case r.State == GivenUp:
			rep.GivenUp, rep.Tries = true, r.Try
			continue
		case r.State.ofSlot():
			rep = Report{Slot: slot}
			continue
		case rep.GivenUp, r.Try < last, last > 0 && r.Root != root:
			rep = Report{Slot: slot} // records of an earlier trial, whose sectors have not been reused
		case r.Try == last:
			rep.Left = rep.Left[:len(rep.Left)-1]
		}
		root = r.Root
		rep.Left = append(rep.Left, Try{r.Try, r.Step, r.State, r.Error, int(r.After / time.Second), r.Console})
		rep.Tries = max(rep.Tries, r.Try)
	}
	return rep
}

func (r Report) last() int {
	if len(r.Left) == 0 {
		return 0
	}
	return r.Left[len(r.Left)-1].Try
}

// Before returns the report without the try that is running.
func (r Report) Before(try int) Report {
	out := Report{Slot: r.Slot, GivenUp: r.GivenUp, Tries: max(0, min(r.Tries, try-1))}
	for _, t := range r.Left {
		if t.Try < try {
			out.Left = append(out.Left, t)
		}
	}
	return out
}

// Empty says whether there is nothing to report.
func (r Report) Empty() bool { return !r.GivenUp && r.Tries == 0 }

// String returns the report in one line.
func (r Report) String() string {
	later, started := strings.CutPrefix(r.Why, AfterGood+": ")
	switch {
	case started:
		return fmt.Sprintf("slot %s was good and was given up later, so slot %s runs; %s", r.Slot, r.Slot.Other(), later)
	case r.Why != "":
		return fmt.Sprintf("slot %s was good and cannot be started any more, so slot %s runs; %s", r.Slot, r.Slot.Other(), r.Why)
	case r.GivenUp && r.Tries == 0:
		return fmt.Sprintf("slot %s could not be loaded by the boot loader", r.Slot)
	case r.GivenUp:
		return fmt.Sprintf("slot %s was given up after %s; it %s", r.Slot, tries(r.Tries), r.reached(r.Tries))
	}
	return fmt.Sprintf("slot %s was started %s and is not good yet; it %s", r.Slot, times(r.Tries), r.reached(r.Tries))
}

// Lines returns one line for each try: the step it reached.
func (r Report) Lines() (out []string) {
	for n := 1; n <= r.Tries; n++ {
		out = append(out, fmt.Sprintf("try %d %s", n, r.reached(n)))
	}
	return out
}

// Console returns the newest lines of the console of the last try that left any.
func (r Report) Console() []string {
	for i := len(r.Left) - 1; i >= 0; i-- {
		if len(r.Left[i].Console) > 0 {
			return r.Left[i].Console
		}
	}
	return nil
}

// reached describes the last step of try n. PID 1 writes a record as soon as it has found the disk.
func (r Report) reached(n int) string {
	for _, t := range r.Left {
		if t.Try == n {
			return "reached: " + t.String()
		}
	}
	return "never reached PID 1 (kernel or initramfs)"
}

func (t Try) String() string {
	switch {
	case t.State == Started:
		return fmt.Sprintf("%s (started at %d s, not finished)", t.Step, t.Seconds)
	case t.Error == "":
		return fmt.Sprintf("%s (%s)", t.Step, t.State)
	}
	return fmt.Sprintf("%s (%s: %s)", t.Step, t.State, t.Error)
}

func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
