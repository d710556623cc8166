package slot

import (
	"fmt"
	"os"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// pair stores the state in two copies that are written alternately, for boot loaders that read them by a script.
type pair struct {
	bootstate.Encoding
	place
	boot    Boot
	current layout.Slot
	// adjust corrects a state that is incomplete because of a power cut; nil: not needed.
	adjust func(bootstate.State) bootstate.State
}

// place is where the two copies are stored. A copy is on the medium when put returns.
type place interface {
	get(i int) ([]byte, error)
	put(i int, text []byte) error
}

func (p pair) Current() layout.Slot { return p.current }
func (p pair) Other() layout.Slot   { return p.current.Other() }

// read returns the state in force and the copy to write next.
func (p pair) read() (s bootstate.State, next int, err error) {
	s, next, err = p.written()
	if err == nil && p.adjust != nil {
		s = p.adjust(s)
	}
	return s, next, err
}

func (p pair) written() (s bootstate.State, next int, err error) {
	copy0, err0 := p.get(0)
	copy1, err1 := p.get(1)
	if err0 != nil && err1 != nil {
		return s, 0, err0
	}
	return p.Choose(copy0, copy1)
}

func (p pair) Trial() (bool, int, error) {
	s, _, err := p.read()
	return s.Try == p.current, s.Left, err
}

func (p pair) change(to func(bootstate.State) bootstate.State) error {
	s, next, err := p.read()
	if err != nil {
		return fmt.Errorf("read boot state: %w", err)
	}
	return p.put(next, p.Encode(to(s)))
}

func (p pair) Try() error {
	return p.change(func(s bootstate.State) bootstate.State { return s.StartTrial(p.Other()) })
}

// Good also repairs the state: if both copies are damaged the boot loader starts any slot that has files, and this one
// is good. The next change repairs the second copy.
func (p pair) Good() error {
	s, next, err := p.read()
	if err != nil {
		if err := p.put(0, p.Encode(bootstate.State{Good: p.current})); err != nil {
			return err
		}
		return p.boot.prove(p.current)
	}
	to := s.Proved(p.current)
	switch {
	case p.passedOver(s):
		return fmt.Errorf("%w: slot %s", ErrPassedOver, p.Other())
	case p.skipped(s):
		to = s.MarkGood(p.current)
	}
	written, _, err := p.written()
	if err == nil && to != written {
		to.Seq = (written.Seq + 1) % 3
		err = p.put(next, p.Encode(to))
	}
	if err != nil {
		return err
	}
	return p.boot.prove(p.current)
}

// passedOver says whether the running slot is neither good nor on trial, because the other one was chosen since it was
// booted.
func (p pair) passedOver(s bootstate.State) bool { return p.skipped(s) && !p.boot.Skipped }

// skipped is the same state if nobody has chosen anything.
func (p pair) skipped(s bootstate.State) bool { return s.Good == p.Other() && s.Try != p.current }

// mayGiveUp checks the conditions of GiveUp before anything is changed.
func (p pair) mayGiveUp() error {
	s, _, err := p.read()
	switch {
	case err != nil:
		return fmt.Errorf("read boot state: %w", err)
	case s.Good != p.current || s.Try == p.current:
		return fmt.Errorf("%w: slot %s was not good itself", ErrNoOther, p.current)
	case s.Try == p.Other() && s.Failed():
		return fmt.Errorf("%w: slot %s was given up before", ErrNoOther, p.Other())
	}
	return p.boot.canTakeOver(p.Other())
}

func (p pair) GiveUp() error {
	if s, _, err := p.read(); err == nil && s.Good == p.Other() && s.Try == p.current && s.Failed() {
		return nil // the state says so already
	}
	if err := p.mayGiveUp(); err != nil {
		return err
	}
	return p.change(func(s bootstate.State) bootstate.State { return s.GivenUp(p.current) })
}

func (p pair) Files(slot layout.Slot, write bool, do func(string) error) error {
	return p.boot.files(slot, write, do)
}

// Clear also ends a trial of the other slot.
func (p pair) Clear() error {
	s, _, err := p.read()
	if err != nil {
		return fmt.Errorf("read boot state: %w", err)
	}
	if s.Good == p.Other() {
		return ErrNotGood
	}
	if s.Try == p.Other() {
		if err := p.change(p.withoutTrial); err != nil {
			return err
		}
	}
	return p.boot.clear(p.Other())
}

// withoutTrial puts the running slot on trial again if it was not good yet and there is no other one.
func (p pair) withoutTrial(s bootstate.State) bootstate.State {
	if s.Good == layout.Shared {
		return s.StartTrial(p.current)
	}
	return s.MarkGood(s.Good)
}

func (p pair) Enable(e Entry) error { return p.boot.enable(p.Other(), e) }

// inPlace overwrites a range of an open file, called name in messages. It flushes before and after.
func (b Boot) inPlace(f *os.File, name string, text []byte, at int64) error {
	if err := b.flush(f.Name()); err != nil {
		return err
	}
	err := b.do("write "+name, func() error { _, err := f.WriteAt(text, at); return err })
	if err != nil {
		return err
	}
	return b.flush(f.Name())
}
