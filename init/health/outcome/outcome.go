// Package outcome says how an upgrade ended, from the boot state and the black box: one of four words. It is a pure
// function, for the journal of upgrades and whoever shows that.
package outcome

import (
	"fmt"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/health"
)

// Result is how an upgrade ended.
type Result string

// The results. There are no others: whoever reports an upgrade uses these words.
const (
	Pending    Result = ""            // not decided yet
	Succeeded  Result = "succeeded"   // the new slot runs and is good
	Aborted    Result = "aborted"     // the new slot was never tried: nothing has changed
	RolledBack Result = "rolled back" // the new slot was tried, and the one before runs
	Failed     Result = "failed"      // the new slot runs, is not good, and there is none to go back to
)

// Attempt is what is known of an upgrade of a slot.
type Attempt struct {
	To        layout.Slot      // the slot that was to be written
	Ended     bool             // the attempt ended before the slot was on trial: cancelled, refused, not written
	Restarted bool             // the machine has been started since the slot was put on trial
	Running   layout.Slot      // the slot that runs now
	Good      bool             // the running slot was marked good
	Judged    health.Judgement // of the running slot, if it was not
	Report    blackbox.Report  // about To; the zero value: nothing is reported
}

// Of returns how an attempt ended, with the reason if it did not succeed. Until it is Pending it may be asked again; a
// slot that was good and is given up within a day (init/aftergood) is rolled back later.
func Of(a Attempt) (Result, string) {
	switch {
	case a.Ended:
		return Aborted, fmt.Sprintf("slot %s was never tried", a.To)
	case !a.Restarted:
		return Pending, ""
	case a.Running != a.To && a.Report.GivenUp:
		return RolledBack, a.Report.String()
	case a.Running != a.To:
		return RolledBack, fmt.Sprintf("slot %s was chosen before slot %s was good", a.Running, a.To)
	case a.Good:
		return Succeeded, ""
	case a.Judged.Verdict == health.Stay:
		return Failed, a.Judged.Condition + ": " + a.Judged.Why
	}
	return Pending, ""
}
