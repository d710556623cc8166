package outcome

import (
	"testing"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/health"
)

// TestOf: an upgrade of a machine from slot a to slot b.
func TestOf(t *testing.T) {
	late := health.Judge(health.Facts{Trial: true, Deadline: 1, Elapsed: 2, Fallback: true})
	alone := health.Judge(health.Facts{Trial: true, Deadline: 1, Elapsed: 2, K3s: true, K3sLine: "starting"})
	gaveUp := blackbox.Report{Slot: layout.B, GivenUp: true, Tries: 3}
	var b blackbox.Box
	b.Put(blackbox.Record{Slot: layout.B, State: blackbox.Good})
	b.Put(blackbox.Record{Slot: layout.B, State: blackbox.GivenUp, Step: blackbox.AfterGood, Error: "the watchdog reset the machine"})
	for name, c := range map[string]struct {
		a    Attempt
		want Result
		why  string
	}{
		"is written":         {Attempt{Running: layout.A, Good: true}, Pending, ""},
		"cancelled":          {Attempt{Running: layout.A, Good: true, Ended: true}, Aborted, "slot b was never tried"},
		"restarts soon":      {Attempt{Running: layout.A, Good: true}, Pending, ""},
		"on trial":           {Attempt{Running: layout.B, Restarted: true, Judged: health.Judge(health.Facts{Trial: true, Deadline: 1})}, Pending, ""},
		"good":               {Attempt{Running: layout.B, Restarted: true, Good: true}, Succeeded, ""},
		"a try that failed":  {Attempt{Running: layout.B, Restarted: true, Judged: late}, Pending, ""},
		"three of them":      {Attempt{Running: layout.A, Restarted: true, Good: true, Report: gaveUp}, RolledBack, gaveUp.String()},
		"and not good yet":   {Attempt{Running: layout.A, Restarted: true, Report: gaveUp}, RolledBack, gaveUp.String()},
		"by command":         {Attempt{Running: layout.A, Restarted: true, Good: true}, RolledBack, "slot a was chosen before slot b was good"},
		"nothing to go to":   {Attempt{Running: layout.B, Restarted: true, Judged: alone}, Failed, "node Ready: starting"},
		"good for some time": {Attempt{Running: layout.A, Restarted: true, Good: true, Report: b.Report(layout.B)}, RolledBack, "slot b was good and was given up later, so slot a runs; the watchdog reset the machine"},
	} {
		c.a.To = layout.B
		if got, why := Of(c.a); got != c.want || why != c.why {
			t.Errorf("%s: %q, %q; want %q, %q", name, got, why, c.want, c.why)
		}
	}
	if alone.Verdict != health.Stay || late.Verdict == health.Stay {
		t.Errorf("%+v, %+v", alone, late)
	}
}
