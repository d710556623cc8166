package delta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// reader carries out the operations of a patch.
type reader struct {
	streams [streams]numbers
	end     int64 // of the last copy
	gap     int   // copied bytes until the next word that differs; known if gapped
	gapped  bool
}

// next carries out one operation and returns what is left of dst.
func (r *reader) next(dst []byte, old io.ReaderAt, size int64) ([]byte, error) {
	c := &r.streams[control]
	length, at := c.unsigned(len(dst)), r.end+c.signed()
	literal := c.unsigned(len(dst) - length)
	if c.bad || at < 0 || at > size-int64(length) || literal > len(r.streams[literals].b) {
		return nil, errPatch
	}
	r.end = at + int64(length)
	if err := r.copy(dst[:length], old, at); err != nil {
		return nil, err
	}
	dst = dst[length:]
	lit := &r.streams[literals]
	copy(dst[:literal], lit.b)
	lit.b = lit.b[literal:]
	return dst[literal:], nil
}

// copy fills dst with old bytes from the offset at on, and changes the words that differ.
func (r *reader) copy(dst []byte, old io.ReaderAt, at int64) error {
	if len(dst) == 0 {
		return nil
	}
	if n, err := old.ReadAt(dst, at); n < len(dst) {
		return fmt.Errorf("old content at %d: %w", at, errors.Join(err, io.ErrUnexpectedEOF))
	}
	for r.difference() && r.gap < len(dst) {
		dst = dst[r.gap:]
		n := min(word, len(dst))
		d := r.streams[values].signed()
		if r.streams[values].bad || d < math.MinInt32 || d > math.MaxInt32 {
			return errPatch
		}
		store(dst[:n], load(dst[:n])+uint32(d))
		dst, r.gapped = dst[n:], false
	}
	if r.streams[gaps].bad {
		return errPatch
	}
	r.gap -= len(dst)
	return nil
}

// difference reads the next gap, and returns false if no byte differs any more.
func (r *reader) difference() bool {
	g := &r.streams[gaps]
	if !r.gapped && len(g.b) > 0 {
		r.gap = g.unsigned(MaxPiece)
		r.gapped = !g.bad
	}
	return r.gapped
}

// finish refuses a patch that does not make all bytes, or has more than that.
func (r *reader) finish(dst []byte) error {
	if len(dst) > 0 || r.gapped {
		return errPatch
	}
	for _, s := range r.streams {
		if len(s.b) > 0 {
			return errPatch
		}
	}
	return nil
}

// store writes the lower bytes of a little endian number, as many as b has.
func store(b []byte, v uint32) {
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
}

// numbers reads varints. What is not one, or is out of range, reads as zero and makes it bad.
type numbers struct {
	b   []byte
	bad bool
}

func (n *numbers) unsigned(limit int) int {
	v, size := binary.Uvarint(n.b)
	if size <= 0 || v > uint64(limit) {
		n.bad = true
		return 0
	}
	n.b = n.b[size:]
	return int(v)
}

func (n *numbers) signed() int64 {
	v, size := binary.Varint(n.b)
	if size <= 0 || v < -MaxOld || v > MaxOld {
		n.bad = true
		return 0
	}
	n.b = n.b[size:]
	return v
}
