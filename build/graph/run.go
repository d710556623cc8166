package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Observer receives the events of a run; it must be safe for concurrent use.
type Observer interface {
	Start(step string, why []string)
	Progress(step string, done, total int64) // bytes; total 0: unknown
	Done(step string, took time.Duration, err error)
}

// Runner runs the steps that are missing from the cache.
type Runner struct {
	Cache    *Cache
	Scope    string // name of the history that Explain compares with: "pc-disk"
	Observer Observer
	Jobs     int // parallel steps; 0: one per CPU
}

// Job is passed to a running step.
type Job struct {
	Out      string // empty directory to fill
	Final    string // path of Out after the step has finished
	deps     map[string]string
	progress func(done, total int64)
}

// NewJob returns a job without a graph, for tests of single recipes.
func NewJob(out string, deps map[string]string) *Job {
	return &Job{Out: out, Final: out, deps: deps, progress: func(int64, int64) {}}
}

// In returns the output directory of a dependency.
func (j *Job) In(name string) string {
	dir, ok := j.deps[name]
	if !ok {
		panic("BUG: step reads " + name + ", which it does not depend on")
	}
	return dir
}

// Inputs lists the names of the dependencies, sorted.
func (j *Job) Inputs() []string { return slices.Sorted(maps.Keys(j.deps)) }

// Path joins a path below the output directory.
func (j *Job) Path(elem ...string) string { return filepath.Join(append([]string{j.Out}, elem...)...) }

// Tmp makes a temporary directory beside Out; it is removed after the step.
func (j *Job) Tmp() (string, error) { return os.MkdirTemp(filepath.Dir(j.Out), scratch) }

// Progress reports bytes done of total.
func (j *Job) Progress(done, total int64) { j.progress(done, total) }

// Missing lists the steps that a run for the targets would execute, in plan order. Dependencies of cached steps are not
// in it.
func (r *Runner) Missing(g *Graph, targets ...*Action) []*Action {
	need := map[*Action]bool{}
	var visit func(a *Action)
	visit = func(a *Action) {
		if need[a] || r.Cache.Has(a) {
			return
		}
		need[a] = true
		for _, d := range a.Deps {
			visit(d)
		}
	}
	for _, t := range targets {
		visit(t)
	}
	var out []*Action
	for _, a := range g.Actions {
		if need[a] {
			out = append(out, a)
		}
	}
	return out
}

// Run makes the targets. The first error cancels the running steps and starts no others. Finished steps stay in the
// cache.
func (r *Runner) Run(ctx context.Context, g *Graph, targets ...*Action) error {
	missing := r.Missing(g, targets...)
	done := map[*Action]chan struct{}{}
	for _, a := range missing {
		done[a] = make(chan struct{})
	}
	slots := make(chan struct{}, r.jobs())
	group, ctx := errgroup.WithContext(ctx)
	for _, a := range missing {
		group.Go(func() error {
			for _, d := range a.Deps {
				if done[d] != nil && !wait(ctx, done[d]) {
					return context.Cause(ctx)
				}
			}
			if !acquire(ctx, slots) {
				return context.Cause(ctx)
			}
			defer func() { <-slots }()
			if err := r.one(ctx, a); err != nil {
				return err
			}
			close(done[a])
			return nil
		})
	}
	err := group.Wait()
	for _, t := range targets {
		r.Cache.touch(t)
	}
	if err != nil {
		return err
	}
	return r.Cache.adopt(r.Scope, g)
}

func (r *Runner) jobs() int {
	if r.Jobs > 0 {
		return r.Jobs
	}
	return runtime.NumCPU()
}

func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

func acquire(ctx context.Context, slots chan<- struct{}) bool {
	select {
	case slots <- struct{}{}:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// one runs a step and stores its output in the cache.
func (r *Runner) one(ctx context.Context, a *Action) error {
	rec := recordOf(a)
	rec.Why = Explain(r.Cache.Last(r.Scope, a.Name), a)
	rec.When, rec.Dir = time.Now(), r.Cache.Out(a)
	r.Observer.Start(a.Name, rec.Why)
	err := r.make(ctx, a, &rec)
	r.Observer.Done(a.Name, time.Since(rec.When), err)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	return r.Cache.remember(r.Scope, rec)
}

func (r *Runner) make(ctx context.Context, a *Action, rec *Record) error {
	tmp, err := r.Cache.begin(a)
	if err != nil {
		return err
	}
	if err := a.Step.Run(ctx, r.job(a, filepath.Join(tmp, "out"))); err != nil {
		return errors.Join(err, Remove(tmp))
	}
	rec.Took = time.Since(rec.When)
	return r.Cache.commit(a, tmp, *rec)
}

func (r *Runner) job(a *Action, out string) *Job {
	j := &Job{Out: out, Final: r.Cache.Out(a), deps: map[string]string{}}
	for _, d := range a.Deps {
		j.deps[d.Name] = r.Cache.Out(d)
	}
	j.progress = func(done, total int64) { r.Observer.Progress(a.Name, done, total) }
	return j
}

// Again runs a cached step a second time into dir and does not store it: Verify compares the two outputs.
func (r *Runner) Again(ctx context.Context, a *Action, dir string) error {
	for _, d := range a.Deps {
		if !r.Cache.Has(d) {
			return fmt.Errorf("%s: its input %s is no longer in the cache", a.Name, d.Name)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	start := time.Now()
	r.Observer.Start(a.Name, []string{"verify"})
	err := a.Step.Run(ctx, r.job(a, dir))
	r.Observer.Done(a.Name, time.Since(start), err)
	return err
}
