package install

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/proa-os/proa/images/sparse"
)

// flushed writes to the disk, and flushes every few megabytes: the kernel reports a failed write only then, and an error
// shall say where it was.
type flushed struct {
	ctx         context.Context
	job         *Job
	first, last int64 // what was written since the last flush
	dirty, done int64
}

const flushEvery = 8 << 20

func (w *flushed) ReadAt(b []byte, off int64) (int, error) { return w.job.dev.ReadAt(b, off) }

func (w *flushed) WriteAt(b []byte, off int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.job.dev.WriteAt(b, off)
	if err != nil {
		return n, w.job.failed("write", off, int64(len(b)), err)
	}
	if w.dirty == 0 {
		w.first, w.last = off, off
	}
	w.first, w.last = min(w.first, off), max(w.last, off+int64(n))
	if w.dirty += int64(n); w.dirty >= flushEvery {
		err = w.flush()
	}
	return n, err
}

func (w *flushed) flush() error {
	if err := w.job.dev.Sync(); err != nil {
		return w.job.failed("write", w.first, w.last-w.first, err)
	}
	w.done, w.dirty = w.done+w.dirty, 0
	w.job.tick("write", w.done, w.job.Medium.Size())
	return nil
}

// compared takes what would be written, and compares it with what is there.
type compared struct {
	ctx  context.Context
	job  *Job
	seen []extent
	done int64
}

func (c *compared) ReadAt(b []byte, off int64) (int, error) { return c.job.dev.ReadAt(b, off) }

func (c *compared) WriteAt(b []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	have := make([]byte, len(b))
	if _, err := c.job.dev.ReadAt(have, off); err != nil {
		return 0, c.job.failed("read back", off, int64(len(b)), err)
	}
	if !bytes.Equal(have, b) {
		return 0, c.differs(off, int64(len(b)))
	}
	c.seen = append(c.seen, extent{off, off + int64(len(b))})
	c.done += int64(len(b))
	c.job.tick("read back", c.done, c.job.Medium.Size())
	return len(b), nil
}

func (c *compared) differs(at, n int64) error {
	return fmt.Errorf("%s: what was written from byte %d to %d is not what is read there: the disk is defective, or smaller than it claims",
		c.job.Path, at, at+n)
}

// zeros looks at what was not written of a range.
func (c *compared) zeros(from, to int64) error {
	slices.SortFunc(c.seen, func(a, b extent) int { return cmp.Compare(a.at, b.at) })
	for _, e := range append(c.seen, extent{to, to}) {
		if err := c.zero(from, min(e.at, to)); err != nil {
			return err
		}
		from = max(from, e.end)
	}
	return nil
}

func (c *compared) zero(from, to int64) error {
	for at := from; at < to; at += flushEvery {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		b := make([]byte, min(flushEvery, to-at))
		if _, err := c.job.dev.ReadAt(b, at); err != nil {
			return c.job.failed("read back", at, int64(len(b)), err)
		}
		if !sparse.IsZero(b) {
			return c.differs(at, int64(len(b)))
		}
	}
	return nil
}
