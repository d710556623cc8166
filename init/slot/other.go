package slot

import (
	"slices"

	"github.com/proa-os/proa/images/bootstate"
)

// Standing is the boot state of the slot that does not run.
type Standing struct {
	Good    bool // it can be the fallback
	GivenUp bool // its trial has used up its tries
	Tries   int  // tries made in that trial
	// Skipped: the other slot is the good one and this one runs although nobody has chosen it. At boot: the boot loader
	// could not load the other one; later: the other one was chosen meanwhile.
	Skipped bool
}

func (p pair) Standing() (Standing, error) {
	s, _, err := p.read()
	if err != nil {
		return Standing{}, err
	}
	out := Standing{Good: s.Good == p.Other(), GivenUp: s.Try == p.Other() && s.Failed(), Skipped: p.skipped(s)}
	if out.GivenUp {
		out.Tries = bootstate.MaxTries
	}
	return out, nil
}

func (s sdbootSlots) Standing() (Standing, error) {
	list, err := s.boot.entries(s.Other())
	if err != nil || len(list) == 0 { // a slot that was never written has no entry
		return Standing{}, err
	}
	out := Standing{Good: slices.ContainsFunc(list, func(f found) bool { return !f.Counted }), GivenUp: list[0].Failed()}
	if out.GivenUp {
		out.Tries = list[0].Done
	}
	return out, nil
}
