// Package slotwrite fills the slot that does not run from a slot file, and asks for trials of it. It is lists of steps, in
// steps.go; whatever goes wrong between two of them, the running slot boots.
//
// It refuses files for another board or layout, what does not fit, and to write while the running slot could still need the other
// one. It trusts who wrote the file: signatures are checked before it gets here. It does not say when a slot is good.
package slotwrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slot"
)

// Target is the slot that does not run.
type Target struct {
	Slots  slot.Slots
	Device string // its root partition
	Board  string // that this system was made for
	// Renew says that what is known of the other slot's earlier trials is about another slot now; it may be nil.
	Renew func() error
	// Progress is told how far a step is that takes its time; it may be nil.
	Progress func(step string, done, total int64)
}

// job is one write or one trial.
type job struct {
	Target
	slot    layout.Slot
	in      *slotfile.Reader // of a write
	m       slotfile.Manifest
	scripts map[string][]byte
	root    *slotfile.Entry
}

// Write fills the other slot from a slot file. An error says what is in the slot now.
func Write(ctx context.Context, t Target, r io.Reader) (slotfile.Manifest, error) {
	j := &job{Target: t, slot: t.Slots.Other(), scripts: map[string][]byte{}}
	var err error
	if j.in, err = slotfile.NewReader(reader{ctx, r}); err != nil {
		return j.m, err
	}
	j.m = j.in.Manifest
	return j.m, j.run(ctx, writing)
}

// Try checks everything in the other slot against its manifest and makes the next boot a trial of it.
func Try(ctx context.Context, t Target) (slotfile.Manifest, error) {
	j := &job{Target: t, slot: t.Slots.Other()}
	err := j.run(ctx, trying)
	return j.m, err
}

// Intact says what is wrong with the other slot, as far as can be told in the time that a start has: its boot files are read whole, of
// its root only the begin of the tree.
func Intact(ctx context.Context, t Target) error {
	j := &job{Target: t, slot: t.Slots.Other()}
	return j.run(ctx, looking)
}

func (j *job) run(ctx context.Context, list []step) error {
	for _, s := range list {
		err := ctx.Err()
		if err == nil {
			err = s.run(ctx, j)
		}
		if errors.Is(err, context.Canceled) {
			err = errStopped
		}
		if errors.Is(err, slot.ErrNotGood) {
			return fmt.Errorf("%s: %w; wait until `proa status` says good", s.name, err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w%s", s.name, err, s.after.say(j.slot))
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

// Holds is what the other slot holds.
type Holds struct {
	State   string // empty, half-written, written, good
	Version string // of proa; "" if it is empty or half written
}

func (h Holds) String() string { return strings.TrimSpace(h.State + " " + h.Version) }

// Look says what is in the other slot, as its manifest and the boot state have it. It checks no contents: Try does. A slot with a
// kernel and without a manifest is half written.
func Look(t Target) (h Holds, err error) {
	j := &job{Target: t, slot: t.Slots.Other()}
	switch err := readManifest(nil, j); {
	case err == nil:
		h = Holds{"written", j.m.Version}
	case !errors.Is(err, os.ErrNotExist):
		return h, err
	case j.hasKernel():
		return Holds{State: "half-written"}, nil
	default:
		return Holds{State: "empty"}, nil
	}
	if other, err := t.Slots.Standing(); err == nil && other.Good {
		h.State = "good"
	}
	return h, nil
}

func (j *job) hasKernel() (has bool) {
	_ = j.Slots.Files(j.slot, false, func(dir string) error { // what cannot be read holds nothing to start
		_, err := os.Stat(filepath.Join(dir, "vmlinuz"))
		has = err == nil
		return nil
	})
	return has
}

func (j *job) tick(step string, done, total int64) {
	if j.Progress != nil {
		j.Progress(step, done, total)
	}
}

// reader stops with ctx.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(b)
	if r.ctx.Err() != nil {
		err = r.ctx.Err() // what interrupted it says less
	}
	return n, err
}
