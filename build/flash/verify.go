package flash

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/proa-os/proa/build/progress"
)

// verify reads the image back from the medium, bypassing the page cache.
func verify(ctx context.Context, m medium, size int64, want *digest, tick func(int64)) error {
	r, err := m.Uncached()
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	got := newDigest()
	for at := int64(0); at < size; {
		if ctx.Err() != nil {
			return fmt.Errorf("%w while it was read back, at %s of %s", errStopped, progress.Bytes(at), progress.Bytes(size))
		}
		b, err := r.read(at, int(min(chunk, size-at)))
		if err != nil {
			return fmt.Errorf("read back at %s: %w", progress.Bytes(at), cause(err))
		}
		got.add(b)
		at += int64(len(b))
		tick(at)
	}
	if bytes.Equal(got.sum(), want.sum()) {
		return nil
	}
	return fmt.Errorf("the data read back differs from the data written: %s; the medium is defective, or smaller than it claims", difference(got, want))
}

func difference(got, want *digest) string {
	bad, first := 0, 0
	for i := range want.chunks {
		if got.chunks[i] != want.chunks[i] {
			if bad == 0 {
				first = i
			}
			bad++
		}
	}
	return fmt.Sprintf("%d of %d MiB differ, the first at %s", bad, len(want.chunks), progress.Bytes(int64(first)*chunk))
}

// reader reads chunks at offsets that are multiples of chunk, into aligned memory for O_DIRECT.
type reader struct {
	r   io.ReaderAt
	buf []byte
}

// read reads a whole chunk even at the end of the image: with O_DIRECT the length must be a multiple of the block size
// too.
func (r *reader) read(at int64, n int) ([]byte, error) {
	got, err := r.r.ReadAt(r.buf, at)
	if got >= n {
		return r.buf[:n], nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}
