package payload

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"

	"github.com/proa-os/proa/images/delta"
)

// ErrFrame is the reason for which a frame is refused: the payload file is damaged or truncated, or another one.
var ErrFrame = errors.New("damaged payload: a frame has another sha256 than the index says")

// errOld is the reason for which a piece is taken from "full": the running slot has not what it should have.
var errOld = errors.New("the running slot has other contents than the patch was made for")

// Fetcher makes the contents of pieces, one after the other.
type Fetcher struct {
	old   Old
	delta *delta.Applier
	unzipper
	frame   []byte // the last one
	content []byte // of the last piece
}

// NewFetcher returns a fetcher for a device with that running slot, nil if there is none.
func NewFetcher(old Old) (*Fetcher, error) {
	d, err := delta.NewApplier()
	if err != nil {
		return nil, err
	}
	u, err := newUnzipper()
	if err != nil {
		return nil, err
	}
	return &Fetcher{old: old, delta: d, unzipper: u, content: make([]byte, 0, MaxPiece)}, nil
}

// Close releases the decoder.
func (f *Fetcher) Close() { f.z.Close() }

// Fetch returns the content of a piece, whose sum it has compared. It is valid until the next call.
func (f *Fetcher) Fetch(ctx context.Context, p Piece, frames Frames) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := f.read(ctx, p, frames); err != nil {
		return nil, err
	}
	f.content = f.content[:p.Size]
	if err := f.make(ctx, p); err != nil {
		return nil, err
	}
	if sha256.Sum256(f.content) != p.Sum {
		if p.Op == OpFull {
			return nil, errors.New("damaged payload: a frame holds another content than the index says")
		}
		return nil, errOld
	}
	return f.content, nil
}

// read reads the frame of a piece and compares its sum.
func (f *Fetcher) read(ctx context.Context, p Piece, frames Frames) error {
	if cap(f.frame) < int(p.Length) {
		f.frame = make([]byte, MaxFrame)
	}
	if f.frame = f.frame[:p.Length]; p.Length == 0 {
		return nil
	}
	if err := frames.ReadFrame(ctx, p.Frame, p.FrameSum, f.frame); err != nil {
		return fmt.Errorf("read frame at %d: %w", p.Frame.Offset, err)
	}
	if sha256.Sum256(f.frame) != p.FrameSum {
		return fmt.Errorf("frame at %d: %w", p.Frame.Offset, ErrFrame)
	}
	return nil
}

func (f *Fetcher) make(ctx context.Context, p Piece) (err error) {
	if p.Op == OpFull {
		got, err := f.unzip(f.content[:0:p.Size], f.frame)
		if err == nil && len(got) != p.Size {
			err = fmt.Errorf("%d bytes, %d expected", len(got), p.Size)
		}
		return err
	}
	r := newRefs(ctx, f.old, p.From)
	if p.Op == OpCopy {
		_, err = r.ReadAt(f.content, 0)
	} else {
		err = f.delta.Apply(f.content, r, r.size(), f.frame)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errOld, err)
	}
	return err
}

// refs reads references as if they were one content.
type refs struct {
	ctx context.Context
	old Old
	ref []Ref
	end []int64 // of each
}

func newRefs(ctx context.Context, old Old, list []Ref) *refs {
	r := &refs{ctx: ctx, old: old, ref: list}
	at := int64(0)
	for _, one := range list {
		at += one.Length
		r.end = append(r.end, at)
	}
	return r
}

func (r *refs) size() int64 {
	if len(r.end) == 0 {
		return 0
	}
	return r.end[len(r.end)-1]
}

// ReadAt implements io.ReaderAt. It fills b or fails.
func (r *refs) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at > r.size()-int64(len(b)) || r.old == nil {
		return 0, fmt.Errorf("no old content of %d bytes at %d", len(b), at)
	}
	total := len(b)
	for i := sort.Search(len(r.end), func(i int) bool { return r.end[i] > at }); len(b) > 0; i++ {
		part := r.ref[i]
		part.Offset += at - (r.end[i] - part.Length)
		n := min(int64(len(b)), r.end[i]-at)
		part.Length = n
		if err := r.old.ReadContent(r.ctx, part, b[:n]); err != nil {
			return 0, fmt.Errorf("read %s %s: %w", part.File, part.Path, err)
		}
		b, at = b[n:], at+n
	}
	return total, nil
}
