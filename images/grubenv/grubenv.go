// Package grubenv is the BIOS boot state: two grubenv files that take turns, and the grub.cfg that reads them.
package grubenv

import (
	"errors"

	"github.com/proa-os/proa/images/layout"
)

// Size of each of the two files; only the first 512 bytes ever change.
const Size = 1024

// MaxTries is how often a new slot is tried.
const MaxTries = 3

// State is what the two files say.
type State struct {
	Seq  int         // 0..2, counts round
	Good layout.Slot // the slot known to work; Shared: none yet
	Try  layout.Slot // the slot under trial; Shared: none
	Left int         // tries left for Try, 3..0
}

// Encode returns a file of Size bytes.
func Encode(s State) []byte { return nil }

// Decode refuses anything that Encode would not have written.
func Decode(b []byte) (State, error) { return State{}, errTodo }

// Choose returns the state in force and which file (0, 1) the next state is to be written to.
func Choose(env0, env1 []byte) (s State, next int, err error) { return State{}, 0, errTodo }

// Good, Trying: the state changes a device makes; Seq is already advanced.
func (s State) MarkGood(slot layout.Slot) State { return s }

// StartTrial is the state that tries slot MaxTries times.
func (s State) StartTrial(slot layout.Slot) State { return s }

// Config is /grub/grub.cfg.
func Config() []byte { return nil }

var errTodo = errors.New("todo")
