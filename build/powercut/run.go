// Package powercut lists the disks that a power cut can leave during a recorded run of a machine (writelog). Everything
// before a flush is on the medium; of the writes after the last one any may be, in any order: each prefix of them, each
// subset up to a bound and chosen ones beyond, and each write of several sectors torn. A sector is written whole or not.
//
// A disk is a page table over the image that the run began with, so that a state costs what it changes. Disks that are
// equal in all that is compared are given out once. The package knows no boot loader and no file system: build/powercut/bootjudge
// does. It cannot say what a bad card reorders across flushes: QEMU's log has what the guest's kernel issued, and when it was
// issued; a write that was still under way when a flush was issued counts as flushed.
package powercut

import (
	"fmt"
	"io"

	"github.com/proa-os/proa/build/powercut/writelog"
)

const sector = writelog.Sector

// Kind is how much of a partition matters.
type Kind int

// The kinds. What lies in no partition is Compared.
const (
	Compared Kind = iota // every page
	Whole                // only whether it has the wanted content
	Ignored              // nothing
)

// Part is a partition, which begins at a page.
type Part struct {
	Name     string
	At, Size int64
	Kind     Kind
	// Want is the wanted content of a Whole one, from its beginning; nil: what it has in the base image, all of it.
	Want io.ReaderAt
	Len  int64 // of Want

	want  map[int64]id // by page
	wrong int          // pages with another content
	first int          // the same in the base image
}

// Run is a recorded run.
type Run struct {
	Base    io.ReaderAt
	Size    int64 // bytes of the disk
	Parts   []Part
	Log     []byte // the whole log file
	Entries []writelog.Entry
	// WriteThrough: the medium has no cache, so that a write is on it before the next one is issued, as on an SD card.
	WriteThrough bool

	made *Image
}

// op is one write or discard.
type op struct {
	writelog.Entry
	data   []byte // nil: zeros
	joined bool   // data is a copy, of several writes
	ids    []id   // of its pages, if it has whole pages only; nil: not computed yet
}

// epoch are the operations between two flushes.
type epoch []op

func (r *Run) epochs() (list []epoch) {
	var open epoch
	end := func() {
		if len(open) > 0 {
			list, open = append(list, open), nil
		}
	}
	for _, e := range r.Entries {
		switch {
		case e.Kind == writelog.Flush:
			end()
			continue
		case e.Kind == writelog.Write:
			data := r.Log[e.Data : e.Data+e.Size]
			if n := len(list); n > 0 && r.continues(&list[n-1][0], e) {
				list[n-1][0].extend(data)
				continue
			}
			open = append(open, op{Entry: e, data: data})
		default:
			open = append(open, op{Entry: e})
		}
		if r.WriteThrough {
			end()
		}
	}
	end()
	return list
}

// most is how far the writes of a card are joined.
const most = 1 << 20

// continues says whether a write on a medium without a cache belongs to the one before: a card is written sector by sector,
// and where only the whole counts the states between do not differ.
func (r *Run) continues(o *op, e writelog.Entry) bool {
	if !r.WriteThrough || o.data == nil || o.At+o.Size != e.At || o.Size+e.Size > most {
		return false
	}
	for _, p := range r.Parts {
		if p.Kind != Compared && o.At >= p.At && e.At+e.Size <= p.At+p.Size {
			return true
		}
	}
	return false
}

// extend makes a write longer. The data of the first one is in the log, and is copied.
func (o *op) extend(data []byte) {
	if int64(cap(o.data)) < o.Size+int64(len(data)) || !o.joined {
		o.data, o.joined = append(make([]byte, 0, 2*(len(o.data)+len(data))), o.data...), true
	}
	o.data = append(o.data, data...)
	o.Size = int64(len(o.data))
}

// Before returns the disk at the beginning of the run. It is valid until the next call of a method.
func (r *Run) Before() (*Image, error) {
	if r.made != nil {
		r.made.reset()
		return r.made, nil
	}
	m := newImage(r.Base, r.Size, append([]Part{}, r.Parts...))
	for i := range m.parts {
		p := &m.parts[i]
		if p.At%pageSize != 0 || p.At+p.Size > r.Size {
			return nil, fmt.Errorf("partition %s does not begin at a page, or ends behind the disk", p.Name)
		}
		if p.Kind == Whole && p.Want != nil {
			if err := m.expect(p); err != nil {
				return nil, fmt.Errorf("wanted content of %s: %w", p.Name, err)
			}
		}
	}
	r.made = m
	return m, nil
}

// expect reads the wanted content of a partition and compares the base image with it.
func (m *Image) expect(p *Part) error {
	p.want = make(map[int64]id, p.Len/pageSize)
	for at := int64(0); at < p.Len; at += pageSize {
		b := make([]byte, pageSize)
		if n, err := p.Want.ReadAt(b, at); int64(n) < min(pageSize, p.Len-at) {
			return err
		}
		page := (p.At + at) / pageSize
		p.want[page] = m.store.add(b)
		p.wrong += m.isWrong(p, page, m.original(page))
	}
	p.first = p.wrong
	return nil
}

// part returns the partition of a page, nil for none.
func (m *Image) part(page int64) *Part {
	for i := range m.parts {
		if p := &m.parts[i]; page*pageSize >= p.At && page*pageSize < p.At+p.Size {
			return p
		}
	}
	return nil
}

// kind returns how much of an operation matters.
func (m *Image) kind(o *op) Kind {
	if p := m.part(o.At / pageSize); p != nil {
		return p.Kind
	}
	return Compared
}

// Whole says whether a partition has its wanted content.
func (m *Image) Whole(name string) bool {
	for _, p := range m.parts {
		if p.Name == name {
			return p.Kind == Whole && p.wrong == 0
		}
	}
	return false
}

// apply writes the bytes from..to of an operation.
func (m *Image) apply(o *op, from, to int64) {
	if o.At%pageSize == 0 && o.Size%pageSize == 0 && from == 0 && to == o.Size {
		m.applyPages(o)
		return
	}
	for at := o.At + from; at < o.At+to; {
		page, in := at/pageSize, at%pageSize
		b := append([]byte{}, m.store.pages[m.at(page)]...)
		n := min(pageSize-in, o.At+to-at)
		if clear(b[in : in+n]); o.data != nil {
			copy(b[in:in+n], o.data[at-o.At:])
		}
		m.set(page, m.store.add(b))
		at += n
	}
}

// applyPages writes an operation of whole pages, whose contents are hashed once.
func (m *Image) applyPages(o *op) {
	if o.ids == nil {
		for at := int64(0); at < o.Size; at += pageSize {
			n := zero
			if o.data != nil {
				n = m.store.add(o.data[at : at+pageSize : at+pageSize])
			}
			o.ids = append(o.ids, n)
		}
	}
	for i, n := range o.ids {
		m.set(o.At/pageSize+int64(i), n)
	}
}
