package boot

import (
	"time"

	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/inforce"
)

// readHeld reads the configuration: that on trial, if this boot may use it, or that confirmed last.
func (m *Machine) readHeld(now time.Time) (inforce.Held, error) {
	t, why, trialErr := confirm.Start(m.Path(BootDir), m.DocumentPlace, now)
	if t != nil {
		m.Logf("config: this boot is with a configuration on trial; %s left for proa config confirm", t.Left(now).Round(time.Second))
		return inforce.ReadDocument(m.Root, m.Line.Raw)
	}
	held, err := inforce.ReadConfirmed(m.Root, m.Line.Raw)
	if why != "" {
		held.Problems = append(held.Problems, inforce.TakenBack(why))
	}
	if trialErr != nil {
		held.Problems = append(held.Problems, inforce.Problem("the configuration on trial: %v; it is not used", trialErr))
	}
	return held, err
}
