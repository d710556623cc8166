package flash

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// faulty is a disk with a fault from offset at on.
type faulty struct {
	medium
	at      int64
	err     error  // returned by writes
	before  func() // called by a write that reaches at
	flip    bool   // one bit is stored wrong
	lazy    bool   // zeros are not written
	gone    bool   // after the first error every call fails
	broken  bool
	settled error
}

func (f *faulty) fail(end int64) error {
	if f.gone && f.broken {
		return unix.ENODEV
	}
	if end > f.at && f.before != nil {
		f.before()
	}
	if end > f.at && f.err != nil {
		f.broken = true
		return &os.PathError{Op: "write", Path: "/dev/sdd", Err: f.err}
	}
	return nil
}

func (f *faulty) WriteAt(b []byte, at int64) (int, error) {
	if err := f.fail(at + int64(len(b))); err != nil {
		return 0, err
	}
	if f.flip && at <= f.at && f.at < at+int64(len(b)) {
		b = append([]byte{}, b...)
		b[f.at-at] ^= 0x10
	}
	return f.medium.WriteAt(b, at)
}

func (f *faulty) Zero(at, n int64) error {
	if f.lazy && at > 0 {
		return nil
	}
	if at > 0 && at < spec.ImageSize() || f.gone && f.broken {
		if err := f.fail(at + n); err != nil {
			return err
		}
	}
	return f.medium.Zero(at, n)
}

func (f *faulty) Settle() error {
	if f.settled != nil {
		return f.settled
	}
	return f.medium.Settle()
}

// After every fault the message says what failed and where, in which state the disk is and what to do; and the disk
// does not boot.
func TestFaults(t *testing.T) {
	image := makeImage(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const middle = 5*layout.MiB + 100
	rootA := (1 + 1 + 36) * int64(layout.MiB)
	for name, c := range map[string]struct {
		ctx  context.Context
		f    faulty
		want []string
	}{
		"write error":   {f: faulty{at: rootA + 100, err: unix.EIO}, want: []string{"sdd: write at 38.0 MiB: input/output error\n", "hint: sdd does not boot now: it has no partition table; the same command again"}},
		"short":         {f: faulty{at: 40 * layout.MiB, err: unix.ENOSPC}, want: []string{"no space left on device\n", "does not boot now"}},
		"pulled out":    {f: faulty{at: middle, err: unix.EIO, gone: true}, want: []string{"input/output error\n", "hint: sdd is half written; do not boot from it"}},
		"Ctrl-C":        {ctx: ctx, f: faulty{at: middle, before: cancel}, want: []string{"sdd: stopped after ", " of 47.0 MiB\n", "does not boot now"}},
		"flipped bit":   {f: faulty{at: rootA + 5, flip: true}, want: []string{"sdd: the data read back differs from the data written: 1 of 47 MiB differ, the first at 38.0 MiB; the medium is defective", "does not boot now"}},
		"in the table":  {f: faulty{at: 600, flip: true}, want: []string{"1 of 47 MiB differ, the first at 0 B", "does not boot now"}},
		"stale zeros":   {f: faulty{lazy: true}, want: []string{"MiB differ, the first at ", "does not boot now"}},
		"flush refused": {f: faulty{settled: unix.EIO}, want: []string{"sdd: input/output error", "does not boot now"}},
	} {
		t.Run(name, func(t *testing.T) {
			target := garbage(t)
			j, out := on(t, "laptop", image)
			j.open = instead(target, func(m medium) medium { c.f.medium = m; return &c.f })
			if c.ctx == nil {
				c.ctx = t.Context()
			}
			err := j.run(c.ctx, []string{"sdd"})
			if err == nil {
				t.Fatalf("it was taken for good:\n%s", out)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			if !sparse.IsZero(content(t, target)[:headSize]) {
				t.Error("the disk has a head")
			}
		})
	}
}

// A verified image stays if only the configuration cannot be written.
func TestConfigFault(t *testing.T) {
	image, target := makeImage(t), garbage(t)
	j, _ := on(t, "laptop", image)
	j.Config = write600(t, "my.yaml", "hostname: a\n")
	j.open = instead(target, func(m medium) medium { return &once{medium: m} })
	err := j.run(t.Context(), []string{"sdd"})
	if err == nil || !strings.HasPrefix(err.Error(), "sdd: the image is written and verified, but config.yaml") {
		t.Errorf("%v", err)
	}
	if sparse.IsZero(content(t, target)[:headSize]) {
		t.Error("a verified image was taken away again")
	}
}

// once accepts an image up to Settle, and fails afterwards.
type once struct {
	medium
	read bool
}

func (o *once) Uncached() (*reader, error) { o.read = true; return o.medium.Uncached() }

func (o *once) WriteAt(b []byte, at int64) (int, error) {
	if o.read {
		return 0, unix.EIO
	}
	return o.medium.WriteAt(b, at)
}

// TestTableComesLast: MBR and GPT header are written after everything they refer to is flushed.
func TestTableComesLast(t *testing.T) {
	image, target := makeImage(t), garbage(t)
	j, _ := on(t, "laptop", image)
	order := &order{}
	j.open = instead(target, func(m medium) medium { order.medium = m; return order })
	if err := j.run(t.Context(), []string{"sdd"}); err != nil {
		t.Fatal(err)
	}
	if n := len(order.did); n < 3 || order.did[n-1] != "0+1024" || order.did[n-2] != "flush" || order.did[n-3] != "1024+1047552" {
		t.Errorf("the last of %d: %q", n, order.did[max(0, n-4):])
	}
}

// order records writes and flushes.
type order struct {
	medium
	did []string
}

func (o *order) WriteAt(b []byte, at int64) (int, error) {
	o.did = append(o.did, fmt.Sprintf("%d+%d", at, len(b)))
	return o.medium.WriteAt(b, at)
}

func (o *order) Flush() error {
	o.did = append(o.did, "flush")
	return o.medium.Flush()
}
