package slot

import (
	"fmt"

	"github.com/proa-os/proa/images/bootstate"
)

// mayRollback checks the conditions of Rollback before anything is changed. The state has one good slot only: that the
// other one was good before an upgrade is known by the mark in its directory.
func (p pair) mayRollback() error {
	s, _, err := p.read()
	switch {
	case err != nil:
		return fmt.Errorf("read boot state: %w", err)
	case s.Good == p.Other():
		return nil
	case s.Try == p.Other() && s.Failed():
		return fmt.Errorf("%w: slot %s was given up; to try it again: proa slot try %[2]s", ErrNoOther, p.Other())
	}
	return p.boot.canTakeOver(p.Other())
}

func (p pair) Rollback() error {
	if err := p.mayRollback(); err != nil {
		return err
	}
	return p.change(func(s bootstate.State) bootstate.State { return s.MarkGood(p.Other()) })
}

func (t trybootSlots) Rollback() error {
	if err := t.mayRollback(); err != nil {
		return err
	}
	if err := t.settle(t.Other()); err != nil {
		return err
	}
	return t.pair.Rollback()
}
