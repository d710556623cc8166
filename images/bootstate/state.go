// Package bootstate is the boot state of a disk whose boot loader chooses the slot by a script: which slot is good,
// which is on trial, how many tries are left, and what one boot does with that. It is stored in two copies that are
// written alternately, so that the valid one is never overwritten. The encodings of a copy are in images/grubenv and
// images/uboot.
//
// The package does no I/O. Sequence numbers are 0, 1, 2 and 0 again: GRUB's scripts can do no more, and two copies need
// no more. A writer on the device flushes the disk before and after it writes a copy.
package bootstate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// MaxTries is the number of times a new slot is started before the boot loader goes back to the good one.
const MaxTries = 3

// State is the content of one copy.
type State struct {
	Seq  int         // 0..2
	Good layout.Slot // the slot known to work; Shared: none yet
	Try  layout.Slot // the slot under trial; Shared: none
	Left int         // tries of Try that are left
}

// First returns the state of a new image: slot is on trial, since nothing has run yet.
func First(slot layout.Slot) State { return State{Try: slot, Left: MaxTries} }

// Older returns the state for the second copy of a new image: the same values with the previous sequence number, so
// that either copy alone is enough.
func (s State) Older() State {
	s.Seq = (s.Seq + 2) % 3
	return s
}

// MarkGood returns the next state once slot has been found good.
func (s State) MarkGood(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: slot}
}

// Proved returns the next state once slot, which runs, has been found good: its own trial is over. A trial of the other
// slot, and a choice of the other slot that was made meanwhile, are kept.
func (s State) Proved(slot layout.Slot) State {
	switch {
	case s.Try == slot:
		return s.MarkGood(slot)
	case s.Good == layout.Shared:
		return State{Seq: (s.Seq + 1) % 3, Good: slot, Try: s.Try, Left: s.Left}
	}
	return s
}

// GivenUp returns the next state once slot, which was good, cannot be started any more: the other slot is good, as if
// slot had used up its tries.
func (s State) GivenUp(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: slot.Other(), Try: slot}
}

// StartTrial returns the next state, which makes the next boot a trial of slot.
func (s State) StartTrial(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: s.Good, Try: slot, Left: MaxTries}
}

// Started returns the state that the boot loader writes before it starts the slot on trial: one try less.
func (s State) Started() State {
	s.Seq, s.Left = (s.Seq+1)%3, s.Left-1
	return s
}

// Failed says whether the slot on trial has used up its tries. It stays so until MarkGood or StartTrial.
func (s State) Failed() bool { return s.Try != layout.Shared && s.Left == 0 }

// String returns the state in four letters: Seq, Good, Try, Left. Both encodings use them.
func (s State) String() string {
	return fmt.Sprintf("%d%s%s%d", s.Seq, letter(s.Good), letter(s.Try), s.Left)
}

func letter(s layout.Slot) string {
	if s == layout.Shared {
		return "-" // boot loaders cannot store an empty value in a field of fixed length
	}
	return string(s)
}

// Parse reads what String wrote and refuses everything else.
func Parse(said string) (State, error) {
	if len(said) != 4 || !strings.Contains("012", said[:1]) || !strings.Contains("-ab", said[1:2]) ||
		!strings.Contains("-ab", said[2:3]) || !strings.Contains("0123", said[3:]) {
		return State{}, fmt.Errorf("invalid boot state %q", said)
	}
	slot := func(c byte) layout.Slot { return layout.Slot(strings.Trim(string(c), "-")) }
	return State{int(said[0] - '0'), slot(said[1]), slot(said[2]), int(said[3] - '0')}, nil
}

// Encoding is how a copy is encoded and decoded.
type Encoding struct {
	Encode func(State) []byte
	Decode func([]byte) (State, error)
}

// Choose returns the state in force, and the copy that the next state is written to, which is the other one. If one
// copy is invalid the other one is in force. If both are, there is no state.
func (e Encoding) Choose(copy0, copy1 []byte) (s State, next int, err error) {
	s0, err0 := e.Decode(copy0)
	s1, err1 := e.Decode(copy1)
	switch {
	case err0 != nil && err1 != nil:
		return State{}, 0, errors.Join(err0, err1)
	case err0 != nil || err1 == nil && s1.Seq == (s0.Seq+1)%3:
		return s1, 0, nil
	}
	return s0, 1, nil
}
