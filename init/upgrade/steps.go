package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade/faults"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/passed"
	"github.com/proa-os/proa/init/upgrade/rehearse"
)

type row struct {
	name   string
	run    func(context.Context, *run) error
	policy step.Policy
	limit  time.Duration
	until  Until // the row belongs to runs that go this far
}

// list is what an upgrade does. write and try are lists of their own in slotwrite, with limits of their own.
var list = []row{
	{"metadata", readReleases, step.Halt, patience, Check},
	{"decide", decide, step.Halt, patience, Check},
	{"plan", makePlan, step.Halt, patience, Check},
	{"begin", begin, step.Halt, patience, Fetch},
	{"write", write, step.Halt, 0, Fetch},
	{"wrote", wrote, step.Halt, patience, Fetch},
	{"copy", copyDatastore, step.Halt, patience, Apply},
	{"rehearse", rehearseDatastore, step.Halt, 2 * rehearse.Limit, Apply},
	{"keep", keepDatastore, step.Halt, patience, Apply},
	{"try", try, step.Halt, 0, Apply},
	{"tried", tried, step.Halt, patience, Apply},
	{"reboot", reboot, step.Halt, patience, Apply},
}

// ErrStopped is returned if the caller gave up.
var ErrStopped = errors.New("stopped; the same command goes on where it was")

// errNothing ends a list early, without a failure.
var errNothing = errors.New("nothing to do")

// steps returns the rows of this run. They are not begun once the caller has given up.
func (e Engine) steps() (out []step.Step[*run]) {
	for _, s := range list {
		if s.until > e.Options.Until {
			continue
		}
		out = append(out, step.Step[*run]{Name: s.name, Policy: s.policy, Limit: s.limit, Func: func(ctx context.Context, r *run) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := s.run(ctx, r)
			if err == nil {
				faults.At("upgrade: " + s.name)
			}
			return err
		}})
	}
	return out
}

func readReleases(_ context.Context, r *run) (err error) {
	r.releases, err = r.Origin.Releases(r.ctx)
	return err
}

func decide(_ context.Context, r *run) (err error) {
	j, damaged := journal.Read(r.journal())
	if damaged != nil {
		r.say(damaged.Error())
	}
	r.open = j.Open()
	if r.out.Choice, err = Decide(r.Machine, r.releases, j, r.Options, time.Now()); err != nil {
		return err
	}
	r.releases = nil
	r.say(r.out.Choice.Why)
	r.passed()
	if !r.out.Choice.Take() {
		return errNothing
	}
	return nil
}

// passed says which newer release this machine cannot take, and why: by schedule only when that is news.
func (r *run) passed() {
	is := passed.Record{Release: r.out.Choice.Passed, Source: r.Origin.String(), Runs: r.Machine.Version, Since: time.Now()}
	news, err := passed.Keep(r.Dir, is)
	if err != nil {
		r.say(err.Error())
	}
	if is.Version != "" && (news || !r.Options.Auto) {
		r.say(is.String())
	}
}

// makePlan opens the release, unless it waits in the other slot. What its manifest says of the machine must be what the
// metadata said.
func makePlan(ctx context.Context, r *run) (err error) {
	want := r.out.Choice.Release
	if !r.waits(ctx) {
		if r.plan, err = r.Origin.Plan(r.ctx, want); err != nil {
			return err
		}
	}
	r.m, _ = r.plan.Source.Manifest()
	r.out.Kind, r.out.Bytes = r.plan.Kind, r.plan.Bytes
	if r.m.Version != want.Version || r.m.Board != want.Board || r.m.Layout != want.Layout {
		return fmt.Errorf("the manifest is that of %s for the board %s, layout %d; it should be that of %s for %s, layout %d",
			r.m.Version, r.m.Board, r.m.Layout, want.Version, want.Board, want.Layout)
	}
	if r.m.Root.Hash == r.Machine.Root {
		r.out.Choice = Choice{Newest: want.Version, Runs: true, Why: r.m.Version + " runs already"}
		r.say(r.out.Choice.Why)
		return errNothing
	}
	return nil
}

func begin(_ context.Context, r *run) error {
	if r.held && !r.Options.Again { // the entry is there, and a look writes nothing to the medium
		return nil
	}
	return journal.Update(r.journal(), func(j *journal.Journal) bool {
		if r.Options.Again {
			j.Forgive(r.entry().To)
		}
		r.id = j.Begin(r.entry())
		r.out.Entry = r.id
		return true
	})
}

// write does nothing if the slot has this release already, as after proa upgrade fetch: try verifies all of it. The manifest
// alone says nothing: what makes the slot bootable comes after it.
func write(ctx context.Context, r *run) error {
	if r.held {
		return nil
	}
	if has, err := slotwrite.Manifest(r.Target); err == nil && same(has, r.m) && slotwrite.Intact(ctx, r.Target) == nil {
		r.say(fmt.Sprintf("slot %s holds %s already", r.Target.Slots.Other(), r.m.Version))
		r.held = true
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

func try(ctx context.Context, r *run) error {
	t := r.Target
	t.Progress = r.Progress
	_, err := slotwrite.Try(ctx, t)
	if errors.Is(err, slotwrite.ErrDamaged) { // to verify it once more would end in the same way
		err = errors.Join(fmt.Errorf("%w\nor run the same command: it is written again then", err), t.Slots.Clear())
	}
	return err
}

func tried(_ context.Context, r *run) error {
	r.out.Trying = true
	err := r.update(func(e *journal.Entry) { e.State, e.Tried = journal.Trying, time.Now() })
	if err == nil && r.Tried != nil {
		r.Tried(r.out)
	}
	return err
}

func reboot(_ context.Context, r *run) error {
	if !r.Options.Reboot {
		return nil
	}
	if swapped, err := r.swap(); swapped || err != nil {
		return err
	}
	r.say(fmt.Sprintf("restarting for the trial of slot %s, proa %s", r.Target.Slots.Other(), r.m.Version))
	return r.Restart()
}

func (r *run) journal() string { return filepath.Join(r.Dir, filepath.Base(journal.File)) }

// update changes this run's entry.
func (r *run) update(change func(*journal.Entry)) error {
	return journal.Update(r.journal(), func(j *journal.Journal) bool {
		e := j.Get(r.id)
		if e != nil {
			change(e)
		}
		return e != nil
	})
}

// finish ends the entry of a run that failed, and records one that failed before it had an entry.
func (r *run) finish(ctx context.Context, err error) (Outcome, error) {
	if err == nil || errors.Is(err, errNothing) {
		return r.out, nil
	}
	if r.Stage != nil && !r.out.Trying {
		r.Stage.Drop()
	}
	result, reason := journal.Failed, err.Error()
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		result, reason = journal.Aborted, "stopped"
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			reason = "stopped: " + cause.Error()
		}
		err = ErrStopped
	}
	if r.Options.Until == Check || r.out.Trying {
		return r.out, err
	}
	kept := journal.Update(r.journal(), func(j *journal.Journal) bool {
		if r.id == 0 {
			r.id = j.Fresh(r.entry(), result, reason)
			r.out.Entry = r.id
		}
		j.End(r.id, result, reason, time.Now())
		j.Fold()
		return true
	})
	if kept != nil && !strings.HasSuffix(err.Error(), kept.Error()) {
		err = errors.Join(err, kept)
	}
	return r.out, err
}
