package delta

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Diff returns the patch that makes b of the old content. It looks for the old bytes first near that offset, and returns
// the one near which those of the next piece are: addresses in tables differ so often that nothing else tells it.
func (x *Index) Diff(b []byte, near int64) (patch []byte, next int64, err error) {
	if len(b) > MaxPiece {
		return nil, 0, fmt.Errorf("delta: a piece of %d bytes, at most %d", len(b), MaxPiece)
	}
	w := &writer{old: x.old}
	for _, o := range x.match(b, int(min(max(0, near), int64(len(x.old))))) {
		w.add(o, b)
		b = b[o.length+o.literal:]
		next = int64(o.old + o.length + o.literal)
	}
	patch, err = w.patch()
	return patch, next, err
}

// writer collects the streams of a patch.
type writer struct {
	old     []byte
	streams [streams][]byte
	size    int // of the new bytes
	end     int // of the last copy
	gap     int // copied bytes since the last word that differs
}

// add appends an operation, which makes the beginning of b.
func (w *writer) add(o op, b []byte) {
	c := binary.AppendUvarint(w.streams[control], uint64(o.length))
	c = binary.AppendVarint(c, int64(o.old-w.end))
	w.streams[control] = binary.AppendUvarint(c, uint64(o.literal))
	w.end = o.old + o.length
	w.copy(w.old[o.old:w.end], b[:o.length])
	w.streams[literals] = append(w.streams[literals], b[o.length:o.length+o.literal]...)
	w.size += o.length + o.literal
}

// copy appends what differs.
func (w *writer) copy(old, b []byte) {
	for {
		n := equal(old, b)
		w.gap += n
		if old, b = old[n:], b[n:]; len(b) == 0 {
			return
		}
		w.streams[gaps] = binary.AppendUvarint(w.streams[gaps], uint64(w.gap))
		n = min(word, len(b))
		w.streams[values] = binary.AppendVarint(w.streams[values], int64(int32(load(b[:n])-load(old[:n]))))
		w.gap, old, b = 0, old[n:], b[n:]
	}
}

// load returns up to four bytes as a little endian number.
func load(b []byte) uint32 {
	var whole [word]byte
	copy(whole[:], b)
	return binary.LittleEndian.Uint32(whole[:])
}

func (w *writer) patch() ([]byte, error) {
	e, err := encoder()
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	head := binary.AppendUvarint([]byte{format}, uint64(w.size))
	var body []byte
	total := 0
	for _, s := range w.streams {
		begin := len(body)
		if body = e.EncodeAll(s, body); len(body)-begin >= len(s) {
			body = append(body[:begin], s...)
		}
		head = binary.AppendUvarint(head, uint64(len(s)))
		head = binary.AppendUvarint(head, uint64(len(body)-begin))
		total += len(s)
	}
	if total > MaxStreams {
		return nil, ErrTooLarge
	}
	return append(head, body...), nil
}

// encoder returns the one encoder, which may be used concurrently. Its frames have no checksum: contents have hashes.
var encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
})

// Middle returns the offset around which the old bytes lie of which b is made: half of those are before it.
func (x *Index) Middle(b []byte, near int64) int64 {
	ops := x.match(b, int(min(max(0, near), int64(len(x.old)))))
	slices.SortFunc(ops, func(a, b op) int { return cmp.Compare(a.old, b.old) })
	total, half := 0, 0
	for _, o := range ops {
		total += o.length
	}
	for _, o := range ops {
		if half += o.length; 2*half >= total && total > 0 {
			return int64(o.old + o.length - (half - total/2))
		}
	}
	return near
}
