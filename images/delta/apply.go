package delta

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// errPatch is the reason for which everything is refused that Diff does not write.
var errPatch = errors.New("damaged patch")

// Applier applies patches, one after the other. It keeps the decoder's tables.
type Applier struct {
	z   *zstd.Decoder
	buf []byte // the streams
}

// NewApplier returns an applier.
func NewApplier() (*Applier, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxStreams), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	return &Applier{z: z}, nil
}

// Apply fills dst with what the patch makes of the old content, which has size bytes. After an error dst has any bytes.
func (a *Applier) Apply(dst []byte, old io.ReaderAt, size int64, patch []byte) error {
	r, err := a.open(patch, len(dst))
	for err == nil && len(r.streams[control].b) > 0 {
		dst, err = r.next(dst, old, size)
	}
	if err == nil {
		err = r.finish(dst)
	}
	if err != nil {
		return fmt.Errorf("delta: %w", err)
	}
	return nil
}

// open reads the head of a patch and decodes its streams.
func (a *Applier) open(patch []byte, size int) (*reader, error) {
	h := &numbers{b: patch}
	if h.unsigned(255) != format {
		return nil, fmt.Errorf("%w: not of format %d", errPatch, format)
	}
	if n := h.unsigned(MaxPiece); h.bad || n != size {
		return nil, fmt.Errorf("%w: it makes %d bytes, %d are needed", errPatch, n, size)
	}
	var raw, stored [streams]int
	total, left := 0, 0
	for i := range streams {
		raw[i], stored[i] = h.unsigned(MaxStreams), h.unsigned(MaxStreams)
		total += raw[i]
		left += stored[i]
	}
	if h.bad || total > MaxStreams || left != len(h.b) {
		return nil, errPatch
	}
	return a.decode(h.b, raw, stored)
}

// decode returns the streams, in memory that it keeps for the next patch.
func (a *Applier) decode(b []byte, raw, stored [streams]int) (*reader, error) {
	need := 0
	for _, n := range raw {
		need += n
	}
	if cap(a.buf) < need {
		a.buf = make([]byte, need)
	}
	r, buf := &reader{}, a.buf[:need]
	for i := range streams {
		s, err := a.stream(buf[:0:raw[i]], b[:stored[i]])
		if err != nil {
			return nil, err
		}
		r.streams[i] = numbers{b: s}
		b, buf = b[stored[i]:], buf[raw[i]:]
	}
	return r, nil
}

// stream decodes one stream into b, which has the capacity for exactly its bytes.
func (a *Applier) stream(b, stored []byte) (_ []byte, err error) {
	if len(stored) == cap(b) {
		return append(b, stored...), nil
	}
	if b, err = a.z.DecodeAll(stored, b); err != nil {
		return nil, fmt.Errorf("%w: %w", errPatch, err)
	}
	if len(b) != cap(b) {
		return nil, errPatch
	}
	return b, nil
}
