package payload

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/images/delta"
	"github.com/proa-os/proa/images/slotfile"
)

// maxBytes is the greatest size of a file and of a region, so that sums of them do not overflow.
const maxBytes = 1 << 40

// check refuses an index whose numbers do not fit together, and fills in where the frames lie.
func (x *Index) check() error {
	if len(x.Signatures) > maxSignatures || len(x.Verity.Salt) > 256 || len(x.Verity.UUID) != 16 {
		return fmt.Errorf("%d bytes of signatures, %d of salt, %d of UUID", len(x.Signatures), len(x.Verity.Salt), len(x.Verity.UUID))
	}
	for _, f := range x.Files {
		if err := f.check(); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	places, err := Cut(x.Files, len(x.Pieces))
	if err != nil {
		return err
	}
	if len(places) != len(x.Pieces) {
		return fmt.Errorf("%d pieces, the files have %d", len(x.Pieces), len(places))
	}
	at := x.Length
	for i := range x.Pieces {
		p := &x.Pieces[i]
		if p.Size != places[i].Size {
			return fmt.Errorf("piece %d of %d bytes, the files have %d", i, p.Size, places[i].Size)
		}
		if err := p.check(); err != nil {
			return fmt.Errorf("piece %d: %w", i, err)
		}
		p.Frame = Range{at, p.Length}
		at += p.Length
	}
	return nil
}

// check requires regions that can be summed up. Names and sizes are compared with the manifest later.
func (f File) check() error {
	total := int64(0)
	for _, r := range f.Regions {
		if r.Content <= 0 || r.Content > maxBytes || r.Stored <= 0 || r.Stored > maxBytes {
			return fmt.Errorf("a region of %d bytes, stored in %d", r.Content, r.Stored)
		}
		if total += max(r.Content, r.Stored); total > maxBytes {
			return errors.New("too large")
		}
	}
	return nil
}

// maxStored limits the bytes of a piece: each of its contents is padded to whole blocks.
const maxStored = 16 * MaxPiece

func (p Piece) check() error {
	total := int64(0)
	for _, r := range p.From {
		if r.File == "" || r.Offset < 0 || r.Offset > maxBytes || r.Length <= 0 || r.Length > delta.MaxOld {
			return fmt.Errorf("%d bytes from %d of %s %s", r.Length, r.Offset, r.File, r.Path)
		}
		if total += r.Length; total > delta.MaxOld {
			return fmt.Errorf("more than %d bytes of old content", int64(delta.MaxOld))
		}
	}
	framed := p.Length > 0 && p.Length <= MaxFrame && p.FrameSum != Sum{}
	none := p.Length == 0 && p.FrameSum == Sum{}
	ok := false
	switch p.Op {
	case OpCopy:
		ok = total == int64(p.Size) && none
	case OpPatch:
		ok = framed
	case OpFull:
		ok = len(p.From) == 0 && framed
	}
	if !ok || p.Sum == (Sum{}) || p.Stored < 0 || p.Stored > maxStored || (p.Stored == 0) != (p.Made == Sum{}) {
		return fmt.Errorf("%q with %d bytes of old content and a frame of %d, made into %d", p.Op, total, p.Length, p.Stored)
	}
	return nil
}

// Place is where a piece begins in the contents.
type Place struct {
	File, Region int
	Offset       int64 // in the region's content
	Size         int   // of the piece
}

// Cut divides the contents into pieces: a region larger than MaxPiece at multiples of MaxPiece, smaller ones are joined
// with those behind them as long as they fit and are for the same slots and of one form. It fails beyond limit pieces.
func Cut(files []File, limit int) (list []Place, err error) {
	open := false // whether more can be joined to the last piece
	for i, f := range files {
		if open = open && joins(files[list[len(list)-1].File], f); len(f.Regions) == 0 {
			continue
		}
		for k, r := range f.Regions {
			if last := len(list) - 1; open && int64(list[last].Size)+r.Content <= MaxPiece {
				list[last].Size += int(r.Content)
				continue
			}
			open = r.Content <= MaxPiece
			for at := int64(0); at < r.Content; at += MaxPiece {
				if len(list) == limit {
					return nil, fmt.Errorf("more than the %d pieces that it lists", limit)
				}
				list = append(list, Place{i, k, at, int(min(MaxPiece, r.Content-at))})
			}
		}
	}
	return list, nil
}

// joins says whether pieces may have contents of both files: a device takes both or none.
func joins(f, g File) bool {
	return f.Form == g.Form && !(slotfile.File{Name: f.Name}).Script() && !(slotfile.File{Name: g.Name}).Script()
}
