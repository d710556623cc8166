// Package upgrade is the engine: it finds a release, decides whether this machine takes it, writes it to the slot that
// does not run, tries it on a copy of the cluster's datastore, and requests a trial boot. That is one list of steps (steps.go); commands and schedule run a beginning of
// it. Where releases come from is an Origin; who signed them is verified there and while the slot is written.
//
// It refuses releases for another machine, older ones, those that were given up, and those whose turn has not come. It
// touches nothing of the running slot, and keeps nothing on data but a small journal. It does not decide when a slot is
// good: PID 1 does.
package upgrade

import (
	"context"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/rehearse"
)

// Heap is the memory in bytes beyond which the program that upgrades collects garbage more often (debug.SetMemoryLimit): the
// node needs the rest.
const Heap = 11 << 20

// Origin is where releases come from: a repository with signed metadata, or a slot file.
type Origin interface {
	// String names it for people: hosts, or a path.
	String() string
	// Releases reads what there is, of all boards.
	Releases(ctx context.Context) ([]Release, error)
	// Plan opens a release, and says how it would be transferred.
	Plan(ctx context.Context, r Release) (Plan, error)
	// Close closes what was opened.
	Close() error
}

// Source is what is written to the slot.
type Source interface {
	slotwrite.Source
	// Bytes returns how many bytes were transferred so far.
	Bytes() int64
}

// Plan is how a release comes to this machine.
type Plan struct {
	Source Source
	Kind   string // for people: slot file, full, patch from v1
	Bytes  int64  // what is to be transferred at most; negative: not known
	Site   Site   // nil: nobody nearby is asked
}

// Site are the machines nearby: those that have the release, and those that take it from this one.
type Site interface {
	// Begin asks who has the release, and waits while somebody nearby fetches what comes first. say and tick tell the user;
	// they may be nil.
	Begin(ctx context.Context, say func(line string), tick func(what string, done, total int64))
	// Flushed says how many bytes of the root are on the medium, Written that all of the slot is.
	Flushed(root int64)
	Written()
	// Given returns how many bytes came from machines nearby, and how many machines that were.
	Given() (bytes int64, nodes int)
}

// Until is how far a run goes.
type Until int

// The ends of a run. Each includes those before.
const (
	Check Until = iota // say what there is
	Fetch              // write it to the other slot
	Apply              // make the next boot a trial, and restart
)

// Options are what the caller wants.
type Options struct {
	By     string // journal.Entry.By
	Until  Until
	Again  bool // also a release that was given up
	Auto   bool // by itself: the wave must have come, and nothing older is taken
	Reboot bool // restart once the slot is on trial
	// Version is the release that is wanted, by way of its stepping stones; empty: the newest.
	Version string
	Request string // of the cluster; the journal's entry has it
	// Unrehearsed puts the release on trial without trying it on a copy of the datastore first.
	Unrehearsed bool
	// Datastore is what a fall-back does with it; the snapshot's record has it.
	Datastore wayback.Policy
}

// Engine makes one run.
type Engine struct {
	Origin  Origin
	Machine Machine
	Options Options
	Target  slotwrite.Target
	Dir     string          // of journal and mark: journal.Dir
	Stage   *rehearse.Stage // nil: nothing is rehearsed or kept
	// Restart restarts the machine in order.
	Restart func() error
	// Swap has PID 1 begin the trial without a restart of the machine; an error says why that is not possible, and the
	// machine is restarted then. nil: it is not wanted.
	Swap func(say func(line string)) error
	// Tried is called once the next boot is a trial, before the restart; it may be nil.
	Tried func(Outcome)
	// Progress is called in steps that take long; it may be nil.
	Progress func(what string, done, total int64)
	// Near is called before Progress with what came from machines of the site; it may be nil.
	Near func(journal.Near)
	// Say tells the user a line; it may be nil.
	Say func(line string)
}

// Outcome is what a run came to.
type Outcome struct {
	Choice  Choice
	Kind    string
	Bytes   int64 // to be transferred, or transferred
	Near    journal.Near
	Written bool // the other slot has it
	Trying  bool // the next boot is a trial
	Way     journal.Way
	NoSwap  string // why a soft swap that was wanted was not possible
	Entry   int    // of this run in the journal; 0: none
}

// run is what the steps share.
type run struct {
	Engine
	ctx      context.Context // of the whole run: contexts of steps end before
	releases []Release       // between two steps
	plan     Plan
	m        slotfile.Manifest
	open     *journal.Entry // that has not ended, when the run began; nil: none
	id       int            // of the journal's entry; 0: none
	marks    *marks
	held     bool   // the slot had it already
	none     string // why there is no copy of the datastore
	// forgetful: that the marks cannot be kept was said
	forgetful bool
	out       Outcome
}

// patience is how long a step may be silent.
const patience = 15 * time.Minute

// Run runs the list up to where the options say.
func (e Engine) Run(ctx context.Context) (Outcome, error) {
	r := &run{Engine: e, ctx: ctx, marks: &marks{dir: e.Dir}}
	clock := e.Target.Clock
	if clock == nil {
		began := time.Now()
		clock = func() time.Duration { return time.Since(began) }
	}
	results, err := step.Run(ctx, step.Runner{List: "upgrade", Clock: clock, Bounded: true}, e.steps(), r)
	if e.Target.Timeline != nil && e.Options.Until > Check {
		e.Target.Timeline(results)
	}
	return r.finish(ctx, err)
}

func (r *run) say(line string) {
	if r.Say != nil {
		r.Say(line)
	}
}

// entry returns the journal's entry that a run begins.
func (r *run) entry() journal.Entry {
	return journal.Entry{From: r.Machine.running(), To: journal.Release{Version: r.m.Version, Root: journal.ShortRoot(r.m.Root.Hash), Slot: r.Target.Slots.Other()},
		Source: r.Origin.String(), By: r.Options.By, Request: r.Options.Request, Kind: r.plan.Kind, Sequence: r.out.Choice.Release.Sequence, Began: time.Now()}
}
