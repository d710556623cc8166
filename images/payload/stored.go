package payload

import (
	"context"
	"crypto/sha256"
)

// Storer is an Old that also has its contents as they are stored, so that what is copied need not be made again.
type Storer interface {
	// AppendStored appends the bytes that a form has made of a content. It fails if the content is stored in another form,
	// or not by itself. What it appends is compared with the index.
	AppendStored(ctx context.Context, form string, from Ref, dst []byte) ([]byte, error)
}

// mostStored limits the memory for a piece that is copied as it is stored: one of incompressible files, padded.
const mostStored = MaxPiece + MaxPiece/2

// stored returns the bytes of a piece of that form as the running slot has them; nil: they are to be made.
func (a *Assembler) stored(ctx context.Context, i int, form string, buf []byte) []byte {
	p := a.Index.Pieces[i]
	old, ok := a.Old.(Storer)
	if !ok || p.Op != OpCopy || p.Stored == 0 || p.Stored > mostStored {
		return nil
	}
	buf = buf[:0]
	for _, from := range p.From {
		var err error
		if buf, err = old.AppendStored(ctx, form, from, buf); err != nil || len(buf) > p.Stored {
			return nil
		}
	}
	if len(buf) != p.Stored || sha256.Sum256(buf) != p.Made {
		return nil
	}
	return buf
}
