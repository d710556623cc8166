package blackbox

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/proa-os/proa/config/guard"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/kmsg"
)

// patience is how long a boot waits for a record to be written. If it takes longer, no more are written.
const patience = 3 * time.Second

// Recorder writes the records of one try. A nil Recorder writes nothing: it is for a slot that is not on trial.
type Recorder struct {
	place Place
	about box.Record // slot, try and root
	clock func() time.Duration
	logf  func(string, ...any)
	put   func(box.Record) error // Place.Put; replaced in tests
	last  func() []string        // the newest lines of the console

	mu    sync.Mutex
	step  string
	state box.State     // of the last record
	told  []string      // the lines of the console in the last record
	at    time.Duration // on clock: when that was written
	over  bool          // good, given up or shutting down: no more records
	dead  bool          // writing has failed
}

// maxLines is how many lines of the console a record is given; it has room for a few long ones.
const maxLines = 8

// again is the time in which a record is not written only because the console has new lines: a trial that takes its whole
// deadline then writes some dozen sectors for them.
const again = time.Minute

// Record returns a recorder for a try. clock returns the time since the kernel started.
func Record(p Place, about box.Record, clock func() time.Duration, logf func(string, ...any)) *Recorder {
	r := &Recorder{place: p, about: about, clock: clock, logf: logf, last: func() []string { return kmsg.Last(maxLines) }}
	r.put = func(rec box.Record) error { _, err := p.Put(rec); return err }
	return r
}

// Place returns the location of the black box.
func (r *Recorder) Place() Place { return r.place }

// Try returns the number of the try.
func (r *Recorder) Try() int { return r.about.Try }

// Begin records that a step starts, and returns once that is on the disk.
func (r *Recorder) Begin(step string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = step
	r.say(box.Started, "")
}

// Look writes the record of the running step once more if the console has new lines since, so that they are kept if the
// machine is lost during a step that takes long: the wait until the slot is good.
func (r *Recorder) Look() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.dead || r.state != box.Started || r.clock()-r.at < again || slices.Equal(r.last(), r.told) {
		return
	}
	r.say(box.Started, "")
}

// Failed records why a step failed; step "" is the running one.
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

// GiveUp is Failed as the last record.
func (r *Recorder) GiveUp(step, why string) { r.Failed(step, why); r.close() }

// Good records that the slot is good, and whether it is watched from now on, as the last record.
func (r *Recorder) Good(watched bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = ""
	if watched {
		r.step = box.Watched
	}
	r.say(box.Good, "")
	r.over = true
}

// Down records that the machine shuts down before the slot was good, unless a failure was recorded already.
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

// say writes in the background and waits up to patience.
func (r *Recorder) say(state box.State, why string) {
	if r.over || r.dead {
		return
	}
	rec := r.about
	rec.State, rec.Step, rec.Error, rec.After = state, r.step, why, r.clock()
	if state != box.Good {
		rec.Console = r.last()
	}
	r.state, r.told, r.at = state, rec.Console, rec.After
	done := make(chan error, 1)
	go func() { done <- guard.Call(func() error { return r.put(rec) }) }()
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
