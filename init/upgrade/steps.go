package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config/step"
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
