package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/health"
)

// Watcher tries checks again and again, each in a goroutine of its own.
type Watcher struct {
	mu     sync.Mutex
	states []state
	stop   context.CancelFunc
}

// state is what is known of one check.
type state struct {
	check config.Check
	why   string
	since time.Time // since when it holds
}

// Watch begins to try. ready says whether the node is Ready: before that, what the API tells of a workload is from before
// the restart.
func Watch(ctx context.Context, checks []config.Check, try func(context.Context, config.Check) string, ready func() bool) *Watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{stop: cancel}
	for i, c := range checks {
		w.states = append(w.states, state{check: c, why: "not tried yet"})
		go w.follow(ctx, i, c, func(ctx context.Context) string {
			if c.Workload != "" && !ready() {
				return "the node is not Ready"
			}
			return try(ctx, c)
		})
	}
	return w
}

func (w *Watcher) follow(ctx context.Context, i int, c config.Check, try func(context.Context) string) {
	for {
		why := try(ctx)
		if ctx.Err() != nil {
			return
		}
		w.note(i, why)
		select {
		case <-ctx.Done():
			return
		case <-time.After(span(c.Interval, 10*time.Second)):
		}
	}
}

func (w *Watcher) note(i int, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.states[i]
	if why == "" && s.why != "" {
		s.since = time.Now()
	}
	s.why = why
}

// States returns every check: it holds once it has for as long as it has to.
func (w *Watcher) States() (out []health.Check) {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.states {
		why, held, need := s.why, time.Since(s.since), span(s.check.For, 0)
		if why == "" && held < need {
			why = fmt.Sprintf("holds for %s of %s", held.Truncate(time.Second), need)
		}
		out = append(out, health.Check{Name: s.check.Name, Why: why})
	}
	return out
}

// Stop ends the tries and kills what they run.
func (w *Watcher) Stop() {
	if w != nil {
		w.stop()
	}
}
