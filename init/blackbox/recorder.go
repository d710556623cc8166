package blackbox

import (
	"fmt"
	"sync"
	"time"

	box "github.com/proa-os/proa/images/blackbox"
)

// patience is how long a boot waits for a record. A disk that takes longer gets none any more.
const patience = 3 * time.Second

// Recorder writes what becomes of one try. Nil writes nothing: a slot that is not on trial has none.
type Recorder struct {
	place Place
	about box.Record // slot, try and root
	clock func() time.Duration
	logf  func(string, ...any)
	put   func(box.Record) error // Place.Put, but for tests

	mu   sync.Mutex
	step string
	over bool // good, given up or going down: nothing comes after that
	dead bool // it cannot be written
}

// Record begins to record a try. clock is the time since the kernel started.
func Record(p Place, about box.Record, clock func() time.Duration, logf func(string, ...any)) *Recorder {
	r := &Recorder{place: p, about: about, clock: clock, logf: logf}
	r.put = func(rec box.Record) error { _, err := p.Put(rec); return err }
	return r
}

// Place is where it writes.
func (r *Recorder) Place() Place { return r.place }

// Try is its number.
func (r *Recorder) Try() int { return r.about.Try }

// Begin says that a step starts; before the step does, that is on the disk.
func (r *Recorder) Begin(step string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = step
	r.say(box.Started, "")
}

// Failed says why a step did not hold; "" is the one that runs.
func (r *Recorder) Failed(step, why string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if step != "" {
		r.step = step
	}
	r.say(box.Failed, why)
}

// GiveUp is Failed, and the last word.
func (r *Recorder) GiveUp(step, why string) { r.Failed(step, why); r.close() }

// Good is the last word too.
func (r *Recorder) Good() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = ""
	r.say(box.Good, "")
	r.over = true
}

// Down says that the machine goes down before the slot was good, unless more is known already.
func (r *Recorder) Down(why string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say(box.Ended, why)
	r.over = true
}

func (r *Recorder) close() {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = true
	}
}

// say writes in its own time and is waited for a while.
func (r *Recorder) say(state box.State, why string) {
	if r.over || r.dead {
		return
	}
	rec := r.about
	rec.State, rec.Step, rec.Error, rec.After = state, r.step, why, r.clock()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- r.put(rec)
	}()
	var err error
	select {
	case err = <-done:
	case <-time.After(patience):
		err = fmt.Errorf("not written after %s", patience)
	}
	if err != nil {
		r.dead = true
		r.logf("black box: %v; the boot goes on without", err)
	}
}
