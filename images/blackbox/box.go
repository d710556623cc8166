package blackbox

import (
	"cmp"
	"slices"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// File is its name in the boot partition.
const File = "blackbox"

// MaxTries is how many tries of a slot are kept apart.
const MaxTries = bootstate.MaxTries

const (
	// bank holds a sector for each try of each slot and one for the verdict over the slot. There are two, which take turns, each of
	// the size of the largest sector that disks have inside: a write that is cut short then costs one of them at most.
	bank = 2 * (MaxTries + 1) * layout.Sector
	// Size of the file.
	Size = 2 * bank
	// Sectors is how many records it has room for.
	Sectors = Size / layout.Sector
)

// New is the file of a new image.
func New() []byte { return make([]byte, Size) }

// Box is what the file holds. A sector without a sound record is nil.
type Box [Sectors]*Record

// Parse never fails: what cannot be read was not written.
func Parse(file []byte) (b Box) {
	for i := range b {
		if end := (i + 1) * layout.Sector; end <= len(file) {
			if r, err := Decode(file[i*layout.Sector : end]); err == nil {
				b[i] = &r
			}
		}
	}
	return b
}

// places are the two sectors that records like r take in turns.
func places(r Record) [2]int {
	try := r.Try
	if r.State.ofSlot() {
		try = 0
	}
	at := try
	if r.Slot == layout.B {
		at += MaxTries + 1
	}
	return [2]int{at, at + Sectors/2}
}

// Put adds a record and says which sector it takes: never the one that holds what was said last about the same try.
func (b *Box) Put(r Record) (sector int, text []byte) {
	r.Seq = 1
	for _, old := range b {
		if old != nil {
			r.Seq = max(r.Seq, old.Seq+1)
		}
	}
	if r.State.ofSlot() {
		r.Try = max(r.Try, 0)
	} else {
		r.Try = min(max(r.Try, 1), MaxTries)
	}
	p := places(r)
	sector = p[0]
	if first, second := b[p[0]], b[p[1]]; first != nil && (second == nil || second.Seq < first.Seq) {
		sector = p[1]
	}
	r = r.clean()
	b[sector] = &r
	return sector, Encode(r)
}

// history is everything about a slot in the order it was written.
func (b Box) history(slot layout.Slot) (list []Record) {
	for _, r := range b {
		if r != nil && r.Slot == slot {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(x, y Record) int { return cmp.Compare(x.Seq, y.Seq) })
	return list
}
