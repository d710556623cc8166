// Package gpttest lists every disk that a power cut can leave during every change that a device makes to its partition
// table. It verifies nothing: sgdisk, a kernel and U-Boot do, in the tests that use it.
package gpttest

import (
	"fmt"
	"slices"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// Change is one change of a disk: the disk before it, its tables before and after, and the states after a power cut.
type Change struct {
	Name     string
	Size     int64
	Before   *sparse.File
	Old, New layout.Table
	Damaged  bool // one copy was damaged before the change, so a repair is needed in any case
	States   []State
}

// State is a disk after a power cut: the sectors that differ from before, by number.
type State struct {
	Name    string
	Torn    bool // one sector has neither its old nor its new content
	Sectors map[int64][]byte
}

// Apply writes the state over the disk as it was before.
func (s State) Apply(d gpt.Disk) error {
	for lba, b := range s.Sectors {
		if _, err := d.WriteAt(b, lba*layout.Sector); err != nil {
			return err
		}
	}
	return nil
}

const (
	flashed = 256 * layout.MiB
	grown   = flashed + 65*layout.MiB + 17*layout.Sector
	nearby  = flashed + 20*layout.Sector // the new backup GPT overlaps the old one
	guid    = "0A7A0000-1111-4222-8333-444455556666"
)

// Spec returns the layout of the disks in this package.
func Spec() layout.Spec {
	return layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, RootSize: 8 * layout.MiB}
}

type edit = func(d gpt.Disk, size int64) error

// rows are the changes: preparation, and the operation that is interrupted.
func rows() []struct {
	name    string
	size    int64
	before  []edit
	damaged bool
	change  edit
} {
	return []struct {
		name    string
		size    int64
		before  []edit
		damaged bool
		change  edit
	}{
		{"first boot", flashed, nil, false, repair},
		{"make data", flashed, []edit{repair}, false, makeData},
		{"make data at once", flashed, nil, false, makeData},
		{"make data on a hybrid disk", flashed, []edit{hybrid, repair}, false, makeData},
		{"data is formatted", flashed, []edit{makeData}, false, formatted},
		{"grow", grown, []edit{smaller(makeData), smaller(formatted)}, false, grow},
		{"grow by less than a copy", nearby, []edit{smaller(makeData)}, false, formatted},
		{"data reaches to the copy", flashed, []edit{makeData, toTheEnd}, false, formatted},
		{"first header is lost", flashed, []edit{makeData, zero(1)}, true, repair},
		{"first entries are lost", flashed, []edit{makeData, zero(2)}, true, repair},
		{"copy's header is lost", flashed, []edit{makeData, zero(flashed/layout.Sector - 1)}, true, repair},
		{"copy's entries are lost", flashed, []edit{makeData, zero(flashed/layout.Sector - 33)}, true, repair},
		{"MBR is lost", flashed, []edit{makeData, zero(0)}, true, repair},
	}
}

// All returns every change with its states.
func All() (list []Change, err error) {
	for _, row := range rows() {
		c := Change{Name: row.name, Size: row.size, Before: sparse.New(row.size), Damaged: row.damaged}
		for _, f := range append([]edit{flash}, row.before...) {
			if err := f(c.Before, row.size); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		if err := c.run(row.change); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		list = append(list, c)
	}
	return list, nil
}

func (c *Change) run(f edit) (err error) {
	if c.Old, _, err = gpt.Read(c.Before, c.Size); err != nil {
		return err
	}
	log := &recorder{Disk: c.Before, now: map[int64][]byte{}}
	if err := f(log, c.Size); err != nil {
		return err
	}
	c.States = log.states()
	if c.Size == nearby { // without a backup GPT in the last sector a torn primary header cannot be repaired
		c.States = slices.DeleteFunc(c.States, func(s State) bool { return s.Torn })
	}
	c.New, _, err = gpt.Read(log, c.Size)
	return err
}

func flash(d gpt.Disk, _ int64) error {
	t, err := Spec().Fit(Spec().ImageSize())
	if err != nil {
		return err
	}
	return gpt.Write(d, Spec().ImageSize(), t, gpt.Derive("test", t))
}

func hybrid(d gpt.Disk, size int64) error {
	t, _, err := gpt.Read(d, Spec().ImageSize())
	if err != nil {
		return err
	}
	return gpt.Hybrid(d, t)
}

func repair(d gpt.Disk, size int64) error {
	_, err := gpt.Repair(d, size)
	return err
}

func makeData(d gpt.Disk, size int64) error {
	t, _, err := gpt.Read(d, size)
	if err != nil {
		return err
	}
	p, ok := t.Rest(size, layout.Align)
	if !ok {
		return fmt.Errorf("no room for data on %d bytes", size)
	}
	p.Blank = true
	return gpt.Append(d, size, p, guid)
}

func formatted(d gpt.Disk, size int64) error {
	return onData(d, size, func(p layout.Partition) error {
		p.Blank = false
		return gpt.SetBlank(d, size, p)
	})
}

func grow(d gpt.Disk, size int64) error {
	return onData(d, size, func(p layout.Partition) error {
		p.Size = (size-66*layout.Sector)/layout.Align*layout.Align - p.Start
		return gpt.Resize(d, size, p)
	})
}

// toTheEnd leaves no room for a second backup GPT, as early versions of proa did.
func toTheEnd(d gpt.Disk, size int64) error {
	return onData(d, size, func(p layout.Partition) error {
		p.Size = size - 33*layout.Sector - p.Start
		return gpt.Resize(d, size, p)
	})
}

func onData(d gpt.Disk, size int64, f func(layout.Partition) error) error {
	t, _, err := gpt.Read(d, size)
	if err != nil {
		return err
	}
	p, err := t.Find(layout.Data, layout.Shared)
	if err != nil {
		return err
	}
	return f(p)
}

// smaller runs the edit on the disk with the size it was flashed with.
func smaller(f edit) edit { return func(d gpt.Disk, _ int64) error { return f(d, flashed) } }

func zero(lba int64) edit {
	return func(d gpt.Disk, _ int64) error {
		_, err := d.WriteAt(make([]byte, layout.Sector), lba*layout.Sector)
		return err
	}
}
