// Package bootstate is the boot state of a disk whose boot loader chooses the slot by a script: which slot is good, which is on
// trial, how often it may still be started, and what one boot does with that. Two copies take turns, so that the one in force is
// never written. How a copy looks is its encoding's business (images/grubenv, images/uboot).
//
// It does no input or output, and it counts sequence numbers 0, 1, 2 and round: GRUB's scripts can do no more, and two copies
// need no more. Whoever writes a copy on the device flushes the disk before and after.
package bootstate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// MaxTries is how often a new slot is started before the good one is again.
const MaxTries = 3

// State is what one copy says.
type State struct {
	Seq  int         // 0..2
	Good layout.Slot // the slot known to work; Shared: none yet
	Try  layout.Slot // the slot under trial; Shared: none
	Left int         // how often Try may still be started
}

// First is the state of a new image: slot is on trial, since nothing has run yet.
func First(slot layout.Slot) State { return State{Try: slot, Left: MaxTries} }

// Older is the state that the second copy of a new image holds: the same one, a step before, so that either alone will do.
func (s State) Older() State {
	s.Seq = (s.Seq + 2) % 3
	return s
}

// MarkGood is the next state once slot has proved itself.
func (s State) MarkGood(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: slot}
}

// Proved is the next state once slot, which runs, has proved itself: its own trial is over. A trial of the other slot, and a choice of
// the other slot that was made meanwhile, stand as they are.
func (s State) Proved(slot layout.Slot) State {
	switch {
	case s.Try == slot:
		return s.MarkGood(slot)
	case s.Good == layout.Shared:
		return State{Seq: (s.Seq + 1) % 3, Good: slot, Try: s.Try, Left: s.Left}
	}
	return s
}

// GivenUp is the next state once slot, which was good, cannot be started any more: the other one is, as if slot had used up a trial.
func (s State) GivenUp(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: slot.Other(), Try: slot}
}

// StartTrial is the next state before a boot that shall try slot.
func (s State) StartTrial(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: s.Good, Try: slot, Left: MaxTries}
}

// Started is the next state as the boot loader writes it before it starts the slot under trial.
func (s State) Started() State {
	s.Seq, s.Left = (s.Seq+1)%3, s.Left-1
	return s
}

// Failed says that the slot under trial used up its tries; it stays so until MarkGood or StartTrial.
func (s State) Failed() bool { return s.Try != layout.Shared && s.Left == 0 }

// String is the state in four letters: Seq, Good, Try, Left. Both encodings are made of them.
func (s State) String() string {
	return fmt.Sprintf("%d%s%s%d", s.Seq, letter(s.Good), letter(s.Try), s.Left)
}

func letter(s layout.Slot) string {
	if s == layout.Shared {
		return "-" // boot loaders cannot keep an empty value at a fixed length
	}
	return string(s)
}

// Parse reads what String wrote, and nothing else.
func Parse(said string) (State, error) {
	if len(said) != 4 || !strings.Contains("012", said[:1]) || !strings.Contains("-ab", said[1:2]) ||
		!strings.Contains("-ab", said[2:3]) || !strings.Contains("0123", said[3:]) {
		return State{}, fmt.Errorf("%q is no state", said)
	}
	slot := func(c byte) layout.Slot { return layout.Slot(strings.Trim(string(c), "-")) }
	return State{int(said[0] - '0'), slot(said[1]), slot(said[2]), int(said[3] - '0')}, nil
}

// Encoding is how a copy is written and read.
type Encoding struct {
	Encode func(State) []byte
	Decode func([]byte) (State, error)
}

// Choose returns the state in force and which copy the next state goes to: the one that is not in force.
// With one valid copy that one is in force. With none there is no state.
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
