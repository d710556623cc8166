package blackbox

import (
	"cmp"
	"slices"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

// File is the name of the black box in the boot partition.
const File = "blackbox"

// MaxTries is the number of tries of a slot that have records of their own.
const MaxTries = bootstate.MaxTries

const (
	// bank has a sector for each try of each slot and one for the verdict about the slot. There are two banks, which
	// are written alternately. Each is as large as the largest physical sector of disks, so that a torn write damages
	// one bank at most.
	bank = 2 * (MaxTries + 1) * layout.Sector
	// Size of the file.
	Size = 2 * bank
	// Sectors is the number of records that fit in the file.
	Sectors = Size / layout.Sector
)

// New returns the black box of a new image: all zero.
func New() []byte { return make([]byte, Size) }

// Box is the parsed content of the file. A sector without a valid record is nil.
type Box [Sectors]*Record

// Parse parses the file. It returns no error: a sector that cannot be decoded counts as never written.
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

// places returns the two sectors in which records like r are written alternately.
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

// Put adds a record and returns the sector it is written to, which is never the one that holds the latest record of the
// same try.
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

// history returns all records about a slot in the order they were written.
func (b Box) history(slot layout.Slot) (list []Record) {
	for _, r := range b {
		if r != nil && r.Slot == slot {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(x, y Record) int { return cmp.Compare(x.Seq, y.Seq) })
	return list
}
