package payload

import (
	"context"
	"crypto/sha256"

	"github.com/proa-os/proa/images/slotfile"
)

// Part is a range of the bytes of a file of the manifest.
type Part struct {
	File           slotfile.File
	Offset, Length int64
}

// PartSize is the length in bytes of the parts whose sums Nearby.Sums returns.
const PartSize = 256 << 10

// Nearby are others that have the files of the same slot, or are getting them. They are not trusted. Only what would
// need a frame is asked of them.
type Nearby interface {
	// ReadParts fills b with the bytes of parts, one after the other, and calls right, which compares them. It returns
	// once that has said true; or nobody has them, and they are made from a frame.
	ReadParts(ctx context.Context, parts []Part, b []byte, right func() bool)
	// Sums returns the sha256 of each PartSize bytes of a file, of bytes whose sum was that of the file. nil: nobody has it.
	Sums(ctx context.Context, f slotfile.File) []Sum
}

// near fills b with parts, and says whether they have that sum.
func (a *Assembler) near(ctx context.Context, parts []Part, sum Sum, b []byte) (ok bool) {
	a.Nearby.ReadParts(ctx, parts, b, func() bool {
		ok = sha256.Sum256(b) == sum
		return ok
	})
	return ok
}

// rawNear takes a piece from those nearby, if its bytes are its content.
func (a *Assembler) rawNear(ctx context.Context, i int) bool {
	p, form := a.Index.Pieces[i], a.forms[a.places[i].File]
	if a.Nearby == nil || p.Length == 0 || form.Stream != nil || form.Encode != nil {
		return false
	}
	a.content = a.content[:p.Size]
	return a.near(ctx, a.parts(i), p.Sum, a.content)
}

// parts returns where the content of a piece lies in files whose bytes are their content.
func (a *Assembler) parts(i int) (list []Part) {
	at := a.places[i]
	for left := int64(a.Index.Pieces[i].Size); left > 0; at.Region, at.Offset = at.Region+1, 0 {
		for at.Region == len(a.Index.Files[at.File].Regions) {
			at.File, at.Region = at.File+1, 0
		}
		regions := a.Index.Files[at.File].Regions
		n := min(left, regions[at.Region].Content-at.Offset)
		list = append(list, Part{a.m.Files[at.File], File{Regions: regions[:at.Region]}.Stored() + at.Offset, n})
		left -= n
	}
	return list
}

// madeNear takes the bytes that are made of a piece from those nearby, if it has any; nil: they are to be made.
func (a *Assembler) madeNear(ctx context.Context, i int, f slotfile.File, at int64, buf []byte) []byte {
	p := a.Index.Pieces[i]
	if a.Nearby == nil || p.Length == 0 || p.Stored == 0 || p.Stored > mostStored {
		return nil
	}
	if cap(buf) < p.Stored {
		buf = make([]byte, p.Stored)
	}
	if buf = buf[:p.Stored]; !a.near(ctx, []Part{{f, at, int64(p.Stored)}}, p.Made, buf) {
		return nil
	}
	return buf
}

// whole takes a file that is one stream from those nearby: its pieces have no bytes of their own to compare.
type whole struct {
	asked bool
	sums  []Sum // of its parts; nil: it is made
	drop  int64 // bytes that were taken before nobody had the rest, and are made once more
}

// streamNear makes the next bytes of a stream from what those nearby have; false: they are to be made.
func (m *maker) streamNear(ctx context.Context) bool {
	if !m.whole.asked {
		m.whole.asked = true
		if m.a.Nearby != nil && m.fetches() {
			m.whole.sums = m.a.Nearby.Sums(ctx, m.of)
		}
	}
	i := int(m.at / PartSize)
	if i >= len(m.whole.sums) {
		return false
	}
	n := min(PartSize, m.of.Size-m.at)
	if cap(m.buf) < PartSize {
		m.buf = make([]byte, PartSize)
	}
	m.buf = m.buf[:n]
	if m.out = m.buf; m.a.near(ctx, []Part{{m.of, m.at, n}}, m.whole.sums[i], m.buf) {
		return true
	}
	m.whole.sums, m.whole.drop, m.out = nil, m.at, nil
	return false
}

// fetches says whether a file needs a frame.
func (m *maker) fetches() bool {
	for at, end := m.global, m.global+m.file.content(); at < end; {
		i := m.a.piece(at)
		if m.a.Index.Pieces[i].Length > 0 {
			return true
		}
		at = m.a.starts[i+1]
	}
	return false
}
