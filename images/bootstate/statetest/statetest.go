// Package statetest is a crash model for boot states with two copies: torn sectors, lost and reordered writes, damaged
// copies. The tests of every encoding of images/bootstate run it. It knows no encoding and runs no boot loader.
package statetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// States returns all states that can be written.
func States() (all []bootstate.State) {
	slots := []layout.Slot{layout.Shared, layout.A, layout.B}
	for seq := range 3 {
		for _, good := range slots {
			for _, try := range slots {
				for left := range bootstate.MaxTries + 1 {
					all = append(all, bootstate.State{Seq: seq, Good: good, Try: try, Left: left})
				}
			}
		}
	}
	return all
}

// Successors returns the states that the boot loader and the device can write after s.
func Successors(s bootstate.State) []bootstate.State {
	next := []bootstate.State{s.MarkGood(layout.A), s.MarkGood(layout.B), s.StartTrial(layout.A), s.StartTrial(layout.B)}
	if s.Try != layout.Shared && s.Left > 0 {
		next = append(next, s.Started())
	}
	return next
}

// Torn returns the different copies that a write of now over old can leave if only one range of bytes takes effect:
// every prefix and every suffix, and other ranges only where nearly all bytes differ. The first is old; now is one of
// the others.
func Torn(old, now []byte) (mixes [][]byte) {
	var differ []int
	for i := range old {
		if old[i] != now[i] {
			differ = append(differ, i)
		}
	}
	mixes = append(mixes, old)
	for n, i := range differ {
		for m, j := range differ[n:] {
			if len(differ) > 64 && n > 0 && n+m+1 < len(differ) {
				continue
			}
			mix := bytes.Clone(old)
			copy(mix[i:j+1], now[i:j+1])
			mixes = append(mixes, mix)
		}
	}
	return mixes
}

// Junk returns a copy that no encoding accepts.
func Junk(size int) []byte { return bytes.Repeat([]byte{0x55}, size) }

// Disk has the two copies; Boot and Set do what the boot loader and the device do.
type Disk struct {
	bootstate.Encoding
	Copies [2][]byte
}

// New returns the disk of a new image.
func New(e bootstate.Encoding) *Disk {
	first := bootstate.First(layout.A)
	return &Disk{e, [2][]byte{e.Encode(first), e.Encode(first.Older())}}
}

// State returns the state in force.
func (d *Disk) State() bootstate.State {
	s, _, _ := d.Choose(d.Copies[0], d.Copies[1])
	return s
}

// Set writes the next state.
func (d *Disk) Set(s bootstate.State) {
	_, next, _ := d.Choose(d.Copies[0], d.Copies[1])
	d.Copies[next] = d.Encode(s)
}

// Boot writes what the boot loader writes and returns what it starts.
func (d *Disk) Boot() bootstate.Start {
	c := d.Encoding.Boot(d.Copies[0], d.Copies[1], true)
	if c.Write >= 0 {
		d.Copies[c.Write] = d.Encode(c.Next)
	}
	return c.Start[0]
}

// recovers boots the machine until the good slot comes up; every start of the other one fails.
func (d Disk) recovers(good layout.Slot) error {
	s := d.State()
	if good == layout.Shared || s.Good != good {
		return nil // there is no good slot, or the state is older than good
	}
	for range bootstate.MaxTries + 1 {
		switch got := d.Boot().Slot; got {
		case good:
			return nil
		case s.Try:
		default:
			return fmt.Errorf("starts %s", got)
		}
	}
	return fmt.Errorf("does not come back to %s", good)
}

// Console returns what a boot script prints for a choice if starting a slot prints its name and fails.
func Console(c bootstate.Choice) string {
	var b strings.Builder
	for _, s := range c.Start {
		fallback := ""
		if s.Fallback != "" {
			fallback = "proa.fallback=" + s.Fallback
		}
		fmt.Fprintf(&b, "START %s %s\n", s.Slot, fallback)
	}
	return b.String()
}
