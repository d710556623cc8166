package bootstate

import (
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
)

// Choice is what the boot loader does in one boot.
type Choice struct {
	Write int     // copy that Next is written to; -1: none
	Next  State   //
	Start []Start // attempts in this order, until one slot can be loaded
}

// Start is one attempt to load a slot.
type Start struct {
	Slot     layout.Slot
	Fallback string // value of proa.fallback on its command line: the slot that did not come up and the number of its tries
}

// Boot is the model of the boot scripts. canWrite says whether the next state can be written. If a try cannot be
// counted it is not made, unless no other slot can be started.
func (e Encoding) Boot(copy0, copy1 []byte, canWrite bool) Choice {
	s, next, err := e.Choose(copy0, copy1)
	if err != nil {
		return Choice{Write: -1, Start: []Start{{layout.A, ""}, {layout.B, ""}}}
	}
	c := Choice{Write: -1}
	tried := 0
	if s.Try != layout.Shared && s.Left > 0 {
		tried = MaxTries - s.Left
		if canWrite {
			c.Write, c.Next = next, s.Started()
		}
		if canWrite || s.Good == layout.Shared {
			c.Start = append(c.Start, Start{s.Try, ""})
		}
	} else if s.Try != layout.Shared {
		tried = MaxTries
	}
	c.Start = append(c.Start, rest(s, tried)...)
	return c
}

// rest returns the attempts after the slot under trial, or instead of it: the good slot first, then any slot that has
// files.
func rest(s State, tried int) (starts []Start) {
	order := []layout.Slot{s.Good, s.Try.Other(), s.Try, layout.A, layout.B}
	for _, slot := range order {
		if slot == layout.Shared {
			continue
		}
		fallback := ""
		if s.Try != layout.Shared && slot != s.Try {
			fallback = cmdline.Fallback{Slot: s.Try, Tries: tried}.String()
		}
		starts = append(starts, Start{slot, fallback})
	}
	return starts
}
