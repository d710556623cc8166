// Package grubenv is the boot state of BIOS disks: two grubenv files that take turns, so that the one in
// force is never written, and the grub.cfg that reads them. GRUB has no arithmetic and no checksums,
// therefore the sequence number counts 0, 1, 2 and round, and the check value is the state said twice:
// every value has a fixed length, the variables come first and the check last in the same order, so a
// write torn anywhere in the sector leaves the old state, the new one, or one that is refused.
//
// It does no input or output. Whoever writes a file on the device writes its first 512 bytes in place,
// and flushes the disk before and after.
package grubenv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

const (
	// Size of each of the two files, as GRUB's tools make them; only the first Sector ever changes.
	Size = 1024
	// Sector is what one write changes.
	Sector = 512
	// MaxTries is how often a new slot is started before the good one is again.
	MaxTries = 3

	signature = "# GRUB Environment Block\n"
)

// File is the name of file 0 or 1 below the boot partition's /grub.
func File(i int) string { return fmt.Sprintf("env%d", i) }

// State is what one file says.
type State struct {
	Seq  int         // 0..2
	Good layout.Slot // the slot known to work; Shared: none yet
	Try  layout.Slot // the slot under trial; Shared: none
	Left int         // how often Try may still be started
}

// First is the state of a new image: slot is on trial, since nothing has run yet.
func First(slot layout.Slot) State { return State{Try: slot, Left: MaxTries} }

// MarkGood is the next state once slot has proved itself.
func (s State) MarkGood(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: slot}
}

// StartTrial is the next state before a boot that shall try slot.
func (s State) StartTrial(slot layout.Slot) State {
	return State{Seq: (s.Seq + 1) % 3, Good: s.Good, Try: slot, Left: MaxTries}
}

// Started is the next state as GRUB writes it before it starts the slot under trial.
func (s State) Started() State {
	s.Seq, s.Left = (s.Seq+1)%3, s.Left-1
	return s
}

// Failed says that the slot under trial used up its tries; it stays so until MarkGood or StartTrial.
func (s State) Failed() bool { return s.Try != layout.Shared && s.Left == 0 }

// String is the check value.
func (s State) String() string {
	return fmt.Sprintf("%d%s%s%d", s.Seq, letter(s.Good), letter(s.Try), s.Left)
}

func letter(s layout.Slot) string {
	if s == layout.Shared {
		return "-" // GRUB cannot keep an empty value at a fixed length
	}
	return string(s)
}

// Encode returns a file of Size bytes.
func Encode(s State) []byte {
	text := fmt.Sprintf("%sseq=%d\ngood=%s\ntry=%s\nleft=%d\ncheck=%s\n",
		signature, s.Seq, letter(s.Good), letter(s.Try), s.Left, s)
	return []byte(text + strings.Repeat("#", Size-len(text)))
}

// Decode reads a file as GRUB does and accepts what grub.cfg accepts.
func Decode(b []byte) (State, error) {
	rest, ok := strings.CutPrefix(string(b), signature)
	if !ok {
		return State{}, errors.New("grubenv: no environment block")
	}
	vars := map[string]string{}
	for _, line := range strings.Split(rest, "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			vars[name] = value
		}
	}
	said := vars["seq"] + vars["good"] + vars["try"] + vars["left"]
	if said != vars["check"] {
		return State{}, fmt.Errorf("grubenv: state %q is checked by %q", said, vars["check"])
	}
	return parse(said)
}

func parse(said string) (State, error) {
	if len(said) != 4 || !strings.Contains("012", said[:1]) || !strings.Contains("-ab", said[1:2]) ||
		!strings.Contains("-ab", said[2:3]) || !strings.Contains("0123", said[3:]) {
		return State{}, fmt.Errorf("grubenv: %q is no state", said)
	}
	slot := func(c byte) layout.Slot { return layout.Slot(strings.Trim(string(c), "-")) }
	return State{int(said[0] - '0'), slot(said[1]), slot(said[2]), int(said[3] - '0')}, nil
}

// Choose returns the state in force and which file the next state goes to: the one that is not in force.
// With one valid file that one is in force. With none there is no state.
func Choose(env0, env1 []byte) (s State, next int, err error) {
	s0, err0 := Decode(env0)
	s1, err1 := Decode(env1)
	switch {
	case err0 != nil && err1 != nil:
		return State{}, 0, errors.Join(err0, err1)
	case err0 != nil || err1 == nil && s1.Seq == (s0.Seq+1)%3:
		return s1, 0, nil
	}
	return s0, 1, nil
}
