package slot

import (
	"slices"

	"github.com/proa-os/proa/images/bootstate"
)

// Standing is what the boot state says of the slot that does not run.
type Standing struct {
	Good    bool // it can be gone back to
	GivenUp bool // its trial has used up its tries
	Tries   int  // of that trial
}

// stander is a chain that knows.
type stander interface {
	Standing() (Standing, error)
}

// StandingOf is empty for a chain that cannot say: then there is nothing to go back to, as far as anybody can tell.
func StandingOf(s Slots) (Standing, error) {
	if x, ok := s.(stander); ok {
		return x.Standing()
	}
	return Standing{}, nil
}

func (p pair) Standing() (Standing, error) {
	s, _, err := p.read()
	if err != nil {
		return Standing{}, err
	}
	out := Standing{Good: s.Good == p.Other(), GivenUp: s.Try == p.Other() && s.Failed()}
	if out.GivenUp {
		out.Tries = bootstate.MaxTries
	}
	return out, nil
}

func (s sdbootSlots) Standing() (Standing, error) {
	list, err := s.all(s.Other())
	if len(list) == 0 {
		return Standing{}, nil // a slot that nothing was written to has no entry
	}
	out := Standing{Good: slices.ContainsFunc(list, func(f found) bool { return !f.Counted }), GivenUp: list[0].Failed()}
	if out.GivenUp {
		out.Tries = list[0].Done
	}
	return out, err
}
