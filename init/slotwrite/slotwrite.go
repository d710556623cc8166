// Package slotwrite writes a slot file to the slot that does not run, and requests trial boots of it. Both are lists of
// steps, in steps.go; if a step fails, or the power, the running slot still boots.
//
// It refuses slots that are not signed by the keys of the running system, slot files for another board or layout, those
// that do not fit, and to write while the running slot could still need the other one as fallback. It does not decide
// when a slot is good.
package slotwrite

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
)

// Target is the slot that does not run.
type Target struct {
	Slots  slot.Slots
	Device string // its root partition
	Board  string // board of the running system
	Trust  slottrust.Trust
	// Renew is called when earlier records about the other slot's trials become void; it may be nil.
	Renew func() error
	// Progress is called during steps that take long; it may be nil.
	Progress func(step string, done, total int64)
	// Timeline is called with the steps that have been run; it may be nil.
	Timeline func([]step.Result)
	// Clock returns the time since the kernel started, for the timeline; nil: 0.
	Clock func() time.Duration
}

// job is one write or one trial.
type job struct {
	Target
	ctx     context.Context // of the running step, whose progress is reported
	slot    layout.Slot
	from    Source // of a write
	m       slotfile.Manifest
	text    []byte // of m, as it was signed
	sig     []byte // manifest.sig; nil: there is none
	scripts map[string][]byte
}

// Write writes a slot file to the other slot. An error says in which state the slot is.
func Write(ctx context.Context, t Target, r io.Reader) (slotfile.Manifest, error) {
	from, err := Archive(ctx, r)
	if err != nil {
		return slotfile.Manifest{}, err
	}
	return WriteFrom(ctx, t, from)
}

// WriteFrom writes what a source has to the other slot. An error says in which state the slot is.
func WriteFrom(ctx context.Context, t Target, from Source) (slotfile.Manifest, error) {
	j := &job{Target: t, slot: t.Slots.Other(), from: from, scripts: map[string][]byte{}}
	_, j.text = from.Manifest()
	j.sig = from.Signatures()
	var err error
	if j.m, err = slotfile.ParseManifest(j.text); err != nil { // what is signed is the text
		return j.m, err
	}
	return j.m, j.run(ctx, "slot-write", writing)
}

// Try verifies everything in the other slot against its manifest and makes the next boot a trial of it.
func Try(ctx context.Context, t Target) (slotfile.Manifest, error) {
	j := &job{Target: t, slot: t.Slots.Other()}
	err := j.run(ctx, "slot-try", trying)
	return j.m, err
}

// Intact verifies the other slot as far as the time at boot allows: its boot files completely, of its root only the
// first blocks of the hash tree.
func Intact(ctx context.Context, t Target) error {
	j := &job{Target: t, slot: t.Slots.Other()}
	return j.run(ctx, "slot-check", looking)
}

var errStopped = errors.New("stopped")

// Holds is the content of the other slot.
type Holds struct {
	State   string // empty, half-written, written, good
	Version string // of proa; "" if the slot is empty or half-written
}

func (h Holds) String() string { return strings.TrimSpace(h.State + " " + h.Version) }

// Look returns the content of the other slot according to its manifest and the boot state. It verifies no contents: Try
// does. A slot with a kernel and without a manifest is half-written.
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

// Manifest returns the manifest of the other slot, if it was written completely. It verifies no contents.
func Manifest(t Target) (slotfile.Manifest, error) {
	f, err := Kept(t)
	return f.Manifest, err
}

// Kept is Manifest with its text and its signatures.
func Kept(t Target) (f slottrust.Files, err error) {
	err = t.Slots.Files(t.Slots.Other(), false, func(dir string) error {
		f, err = slottrust.Read(dir)
		return err
	})
	return f, err
}

func (j *job) hasKernel() (has bool) {
	_ = j.Slots.Files(j.slot, false, func(dir string) error { // on an error the slot counts as empty
		_, err := os.Stat(filepath.Join(dir, layout.KernelFile))
		has = err == nil
		return nil
	})
	return has
}

// rootImage is the last file of a manifest, which ParseManifest has checked.
func (j *job) rootImage() slotfile.File { return j.m.Files[len(j.m.Files)-1] }

func (j *job) clock() func() time.Duration {
	if j.Clock == nil {
		return func() time.Duration { return 0 }
	}
	return j.Clock
}

// tick reports the progress of a step: to the user, and to the runner, which begins the step's limit again.
func (j *job) tick(what string, done, total int64) {
	step.Moved(j.ctx)
	if j.Progress != nil {
		j.Progress(what, done, total)
	}
}
