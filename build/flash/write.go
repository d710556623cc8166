package flash

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

const (
	chunk     = layout.MiB
	headSize  = layout.MiB // contains MBR and GPT
	flushEach = 16 * layout.MiB
	zeroMost  = 32 * layout.MiB // zeroed per call: Ctrl-C waits for it
)

// errStopped is returned after Ctrl-C. It is not context.Canceled, which means that finished work is kept.
var errStopped = errors.New("stopped")

// write writes the image and wipes old metadata: the backup GPT, RAID or ZFS labels at the end of the disk, a file
// system after the image's end. Zeros in the image are written too, over whatever was there. The head with the
// partition table is written last.
func write(ctx context.Context, m medium, img *image, tick func(int64)) (*digest, error) {
	if err := unmake(m); err != nil {
		return nil, err
	}
	for _, at := range []int64{m.Size() - chunk, img.size} {
		at = max(at, img.size)
		if err := zero(m, at, min(chunk, m.Size()-at)); err != nil {
			return nil, err
		}
	}
	r, err := img.reader()
	if err != nil {
		return nil, err
	}
	w := &writer{m: m, digest: newDigest(), at: headSize, start: headSize}
	head := make([]byte, headSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("read %s: %w", img.name, err)
	}
	w.digest.add(head)
	if err := w.body(ctx, r, img, tick); err != nil {
		return nil, err
	}
	if err := putHead(m, head); err != nil {
		return nil, err
	}
	return w.digest, m.Settle()
}

// tableStart is the size of the MBR and the GPT header.
const tableStart = 2 * layout.Sector

// putHead writes the rest of the partition table before MBR and header, so that a medium that is pulled out has a
// complete table or none.
func putHead(m medium, head []byte) error {
	if err := put(m, head[tableStart:], tableStart); err != nil {
		return err
	}
	if err := m.Flush(); err != nil {
		return err
	}
	return put(m, head[:tableStart], 0)
}

// unmake erases the partition table.
func unmake(m medium) error {
	if err := zero(m, 0, min(headSize, m.Size())); err != nil {
		return err
	}
	return m.Flush()
}

// writer combines chunks of zeros, which the kernel writes faster.
type writer struct {
	m         medium
	digest    *digest
	start, at int64 // range of zeros not yet written
	flushed   int64
}

func (w *writer) body(ctx context.Context, r io.Reader, img *image, tick func(int64)) error {
	buf := make([]byte, chunk)
	for w.at < img.size {
		if ctx.Err() != nil {
			return fmt.Errorf("%w after %s of %s", errStopped, progress.Bytes(w.at), progress.Bytes(img.size))
		}
		b := buf[:min(chunk, img.size-w.at)]
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("read %s at %s: %w", img.name, progress.Bytes(w.at), err)
		}
		w.digest.add(b)
		if err := w.add(b); err != nil {
			return err
		}
		tick(w.at)
	}
	if err := w.zeros(); err != nil {
		return err
	}
	return w.m.Flush()
}

func (w *writer) add(b []byte) error {
	empty := sparse.IsZero(b)
	if !empty || w.at-w.start >= zeroMost {
		if err := w.zeros(); err != nil {
			return err
		}
	}
	if !empty {
		if err := put(w.m, b, w.at); err != nil {
			return err
		}
		w.start += int64(len(b))
	}
	w.at += int64(len(b))
	if w.at-w.flushed < flushEach {
		return nil
	}
	w.flushed = w.at // so that the bar shows what the medium has, not the page cache
	return w.m.Flush()
}

func (w *writer) zeros() error {
	err := zero(w.m, w.start, w.at-w.start)
	w.start = w.at
	return err
}

func put(m medium, b []byte, at int64) error {
	if _, err := m.WriteAt(b, at); err != nil {
		return fmt.Errorf("write at %s: %w", progress.Bytes(at), cause(err))
	}
	return nil
}

func zero(m medium, at, n int64) error {
	if n <= 0 {
		return nil
	}
	if err := m.Zero(at, n); err != nil {
		return fmt.Errorf("write zeros at %s: %w", progress.Bytes(at), cause(err))
	}
	return nil
}

// digest has the sum of the whole image, and one of each chunk to locate errors.
type digest struct {
	all    hash.Hash
	chunks []uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newDigest() *digest { return &digest{all: sha256.New()} }

func (d *digest) add(b []byte) {
	d.all.Write(b)
	d.chunks = append(d.chunks, crc32.Checksum(b, castagnoli))
}

func (d *digest) sum() []byte { return d.all.Sum(nil) }
