package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// write does nothing if the slot has this release already, as after proa upgrade fetch: try verifies all of it. The manifest
// alone says nothing: what makes the slot bootable comes after it.
func write(ctx context.Context, r *run) error {
	if r.held {
		return nil
	}
	if has, err := slotwrite.Manifest(r.Target); err == nil && same(has, r.m) && slotwrite.Intact(ctx, r.Target) == nil {
		r.holds(r.m.Version)
		r.shared()
		return nil
	}
	if err := r.update(func(e *journal.Entry) { e.State = journal.Writing }); err != nil {
		return err
	}
	t := r.Target
	t.Progress = r.moved
	debug.FreeOSMemory() // what reading the metadata took
	if r.plan.Site != nil {
		r.plan.Site.Begin(ctx, r.say, t.Progress)
	}
	_, err := slotwrite.WriteFrom(ctx, t, r.plan.Source)
	r.out.Bytes, r.out.Near = r.plan.Source.Bytes(), r.near()
	if err == nil {
		r.shared()
		if near := r.out.Near.Text(); near != "" {
			r.say(fmt.Sprintf("%.1f MB were transferred%s", float64(r.out.Bytes)/1e6, near))
		}
	}
	if err == nil || ctx.Err() == nil && errors.As(err, new(*step.Error)) && !interrupted(err) {
		err = errors.Join(err, r.marks.clear()) // what is there is complete, or wrong
	}
	return err
}

// interrupted says whether a write ended for want of its source: then what is in the slot is right so far.
func interrupted(err error) bool {
	var at *step.Error
	return errors.As(err, &at) && (at.Step == "boot-files" || at.Step == "root" || at.Step == "check" || at.Step == "clear")
}

func same(a, b slotfile.Manifest) bool {
	x, err1 := a.Encode()
	y, err2 := b.Encode()
	return errors.Join(err1, err2) == nil && string(x) == string(y)
}

// moved passes the progress on, and remembers how much of the root is on the medium.
func (r *run) moved(what string, done, total int64) {
	if what == "write "+slotfile.RootName {
		if r.plan.Site != nil {
			r.plan.Site.Flushed(done)
		}
		_, text := r.plan.Source.Manifest()
		sum := sha256.Sum256(text)
		if err := r.marks.set(hex.EncodeToString(sum[:]), done); err != nil && !r.forgetful {
			r.forgetful = true
			r.say(fmt.Sprintf("the place to go on from cannot be kept: %v", err))
		}
	}
	if r.Near != nil {
		r.Near(r.near())
	}
	if r.Progress != nil {
		r.Progress(what, done, total)
	}
}

// near returns what came from machines nearby.
func (r *run) near() (n journal.Near) {
	if r.plan.Site != nil {
		n.Bytes, n.Nodes = r.plan.Site.Given()
	}
	return n
}

// shared says to machines nearby that they can have all of it.
func (r *run) shared() {
	if r.plan.Site != nil {
		r.plan.Site.Written()
	}
}

func wrote(_ context.Context, r *run) error {
	if r.out.Written {
		return nil
	}
	r.out.Written = true
	return r.update(func(e *journal.Entry) {
		if e.State = journal.Written; !r.held {
			e.Wrote, e.Bytes, e.Near = time.Now(), r.out.Bytes, r.out.Near
		}
	})
}

// holds notes that the slot has the release already.
func (r *run) holds(version string) {
	r.held = true
	r.say(fmt.Sprintf("slot %s holds %s already", r.Target.Slots.Other(), version))
}
