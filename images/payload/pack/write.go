// Package pack writes payload files: "full" from the contents of a slot, and patches from those of an earlier release,
// which may be read from its "full". It only runs where releases are made, and may use memory for the largest file. The
// same contents give the same payload. It refuses contents that a device would refuse.
package pack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/delta"
	"github.com/proa-os/proa/images/payload"
)

// WriteFull writes the frames of "full" and returns its index. The payload file is the index, then the frames.
func WriteFull(ctx context.Context, frames io.Writer, c Contents, forms payload.Forms) (*payload.Index, error) {
	return write(ctx, frames, c, nil, forms)
}

// WritePatch writes the frames of a patch from old contents and returns its index. Of a file it needs memory for the old
// content and three times that.
func WritePatch(ctx context.Context, frames io.Writer, c, old Contents, forms payload.Forms) (*payload.Index, error) {
	return write(ctx, frames, c, &old, forms)
}

func write(ctx context.Context, frames io.Writer, c Contents, old *Contents, forms payload.Forms) (*payload.Index, error) {
	x, err := c.index(true)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	w := &writer{ctx: ctx, c: c, x: x, out: frames}
	if w.forms, err = forms.Of(x.Files); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if old != nil {
		if w.old, err = newFinder(*old); err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
	}
	if err := w.pieces(); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if old != nil {
		forget(x)
	}
	return reread(x, c.Manifest, forms)
}

// forget removes the sums of regions, by which nobody looks for contents in a patch.
func forget(x *payload.Index) {
	for _, f := range x.Files {
		for i := range f.Regions {
			f.Regions[i].Sum = payload.Sum{}
		}
	}
}

// reread returns the index as a device reads it, and refuses what a device would refuse.
func reread(x *payload.Index, manifest []byte, forms payload.Forms) (*payload.Index, error) {
	b, err := x.Encode()
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if x, err = payload.ParseIndex(b); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if _, err := x.Fits(manifest, forms); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return x, nil
}

// writer makes the pieces of an index.
type writer struct {
	ctx   context.Context
	c     Contents
	x     *payload.Index
	forms []payload.Form
	old   *finder // nil: there is none
	out   io.Writer
}

// part is the content of one region in a piece.
type part struct {
	file, region int
	offset       int64
	b            []byte
}

func (w *writer) pieces() error {
	places, err := payload.Cut(w.x.Files, 1<<20)
	if err != nil {
		return err
	}
	in := &contentReader{files: w.c.Files}
	defer in.close()
	buf := make([]byte, payload.MaxPiece)
	for i, p := range places {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		parts, err := in.parts(p, buf[:p.Size])
		if err == nil {
			err = w.piece(parts, buf[:p.Size])
		}
		if err != nil {
			return fmt.Errorf("piece %d, %s: %w", i, w.x.Files[p.File].Name, err)
		}
	}
	return nil
}

// piece appends one piece to the index, and its frame.
func (w *writer) piece(parts []part, content []byte) error {
	p := payload.Piece{Size: len(content), Sum: sha256.Sum256(content)}
	if err := w.made(&p, parts); err != nil {
		return err
	}
	frame, err := w.way(&p, parts, content)
	if err != nil {
		return err
	}
	if p.Length = int64(len(frame)); p.Length > 0 {
		p.FrameSum = sha256.Sum256(frame)
	}
	w.x.Pieces = append(w.x.Pieces, p)
	_, err = w.out.Write(frame)
	return err
}

// made sets what a codec makes of the piece.
func (w *writer) made(p *payload.Piece, parts []part) error {
	h := sha256.New()
	var buf []byte
	for _, t := range parts {
		form, region := w.forms[t.file], w.x.Files[t.file].Regions[t.region]
		if form.Encode == nil {
			return nil
		}
		for b := t.b; len(b) > 0; {
			n, err := len(b), error(nil)
			if buf = append(buf[:0], b...); !form.Raw(region) {
				n = min(n, form.Cluster)
				if buf, err = form.Encode(buf[:0], b[:n]); err != nil {
					return err
				}
			}
			h.Write(buf)
			p.Stored, b = p.Stored+len(buf), b[n:]
		}
	}
	h.Sum(p.Made[:0])
	return nil
}

// enough is the share of a piece below which a patch is taken without comparing it with the whole piece, which takes
// most of the time.
const enough = 16

// way decides how a piece is made, sets that in it, and returns its frame.
func (w *writer) way(p *payload.Piece, parts []part, content []byte) ([]byte, error) {
	var patch []byte
	if w.old != nil {
		from, index, err := w.old.find(w.x, w.forms, parts, content)
		if err != nil {
			return nil, err
		}
		if p.From = from; len(from) > 0 && index == nil {
			p.Op = payload.OpCopy
			return nil, nil
		}
		if index != nil {
			if patch, w.old.near, err = index.Diff(content, w.old.near); err != nil && !errors.Is(err, delta.ErrTooLarge) {
				return nil, err
			}
		}
	}
	if p.Op = payload.OpPatch; patch != nil && len(patch) < len(content)/enough {
		return patch, nil
	}
	full, err := payload.Zip(content)
	if err != nil {
		return nil, err
	}
	if patch == nil || len(full) < len(patch) {
		p.Op, p.From, patch = payload.OpFull, nil, full
	}
	return patch, nil
}

// contentReader reads the contents of all files once, from the first to the last.
type contentReader struct {
	files        []Input
	file, region int // of what is open
	open         io.ReadCloser
}

// parts fills b with the contents of a piece, and returns them one by one.
func (r *contentReader) parts(p payload.Place, b []byte) (list []part, err error) {
	t := part{p.File, p.Region, p.Offset, nil}
	for len(b) > 0 {
		for t.region == len(r.files[t.file].Regions) {
			t.file, t.region = t.file+1, 0
		}
		left := r.files[t.file].Regions[t.region].Content.Size - t.offset
		t.b = b[:min(left, int64(len(b)))]
		if err := r.read(t); err != nil {
			return nil, fmt.Errorf("%s: %w", r.files[t.file].Regions[t.region].Path, err)
		}
		b, list = b[len(t.b):], append(list, t)
		t.region, t.offset = t.region+1, 0
	}
	return list, nil
}

func (r *contentReader) read(t part) (err error) {
	if t.offset == 0 || r.open == nil {
		r.close()
		if r.open, err = r.files[t.file].Regions[t.region].Content.Open(); err != nil {
			return err
		}
	}
	_, err = io.ReadFull(r.open, t.b)
	return err
}

func (r *contentReader) close() {
	if r.open != nil {
		r.open.Close() // it was only read
		r.open = nil
	}
}
