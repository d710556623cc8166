package confirm

import (
	"fmt"
	"sync"
	"time"
)

// Running is the configuration on trial on a machine that runs, if there is one.
type Running struct {
	mu    sync.Mutex
	trial *Trial
	watch Watch
	began time.Time
}

// Set begins the watch over a trial, unless it is the one that runs already. nil: there is none any more.
func (r *Running) Set(t *Trial, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t != nil && r.trial != nil && t.Until.Equal(r.trial.Until) && t.Text == r.trial.Text {
		return
	}
	if r.trial = t; t != nil {
		r.watch, r.began = Begin(*t, now), now
	}
}

// Look returns why the configuration is put back, if it is.
func (r *Running) Look(now time.Time, have Holds) (why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trial == nil {
		return ""
	}
	r.watch, why = Look(r.watch, *r.trial, now.Sub(r.began), have)
	return why
}

// String is for the status; empty: nothing waits.
func (r *Running) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trial == nil {
		return ""
	}
	end := r.began.Add(r.trial.Left(r.began)).UTC()
	return fmt.Sprintf("a change of the configuration waits for proa config confirm until %s; then it is taken back", end.Format("15:04:05 UTC"))
}
