package metadata

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/sys"
)

// times are the pauses between tries, and how long a boot waits. They are variables for tests.
type times struct {
	first, last, look time.Duration
	address, answer   time.Duration // that a boot without anything in the cache waits
}

var usual = times{2 * time.Second, 5 * time.Minute, time.Second, 40 * time.Second, 20 * time.Second}

// Keeper fetches what the configuration asks for: each once in a boot, and until it was fetched.
type Keeper struct {
	Sys   sys.Sys
	Root  string // prefix of all paths that are read
	Line  string // the kernel command line
	Run   fetch.Run
	Ready func() bool // says whether there is a network
	Logf  func(string, ...any)

	program string  // for tests; empty: fetch.Program
	times   times   // zero: usual
	table   []cloud // for tests; nil: clouds
	poke    chan struct{}
	mu      sync.Mutex
	states  map[string]*state // by keys of tasks
	wanted  []*state          // of the tasks of now
}

// state is what became of a task.
type state struct {
	name    string
	err     error
	done    bool // in this boot
	cached  bool
	backoff fetch.Backoff
	next    time.Time
}

func (k *Keeper) clouds() []cloud {
	if k.table != nil {
		return k.table
	}
	return clouds()
}

func (k *Keeper) pace() times {
	if k.times == (times{}) {
		return usual
	}
	return k.times
}

// First fetches, in a boot, what was never fetched before, so that it configures this boot already. up brings the
// network up, and again reads the configuration, which may ask for more then. It waits a minute at most; what is still
// missing then is fetched by Follow; Problems has it until then. The error is one of up or again.
func (k *Keeper) First(ctx context.Context, up, again func() error) error {
	due := k.missing()
	if len(due) == 0 {
		return nil
	}
	err := guard.Call(up)
	p := k.pace()
	for end := time.Now().Add(p.address); !k.Ready(); {
		if time.Now().After(end) || !fetch.Sleep(ctx, p.look/5) {
			k.Logf("sources: %s: no network after %s; it is fetched once there is one", due[0].name, p.address)
			return err
		}
	}
	ctx, stop := context.WithTimeout(ctx, p.answer)
	defer stop()
	defer k.retrySoon()
	for {
		changed := k.fetch(ctx, due)
		if changed {
			err = errors.Join(err, again())
		}
		due = k.missing()
		if len(due) == 0 || !changed && !fetch.Sleep(ctx, p.look) || ctx.Err() != nil {
			return err
		}
	}
}

// retrySoon begins the pauses between tries anew. First tries every second; without this the next try of Follow would be
// minutes later, though the server may be one that has started at the same time as this machine.
func (k *Keeper) retrySoon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.states {
		if !s.done {
			s.backoff.Reset()
			s.next = time.Now().Add(s.backoff.Next())
		}
	}
}

// missing are the tasks of which nothing is in the cache.
func (k *Keeper) missing() (due []task) {
	for _, t := range k.tasks() {
		if k.fresh(t) && !k.state(t).done {
			due = append(due, t)
		}
	}
	return due
}

// Follow fetches until the context ends; reload is called after each change. Poke makes it look again at what the
// configuration asks for.
func (k *Keeper) Follow(ctx context.Context, reload func()) {
	k.mu.Lock()
	if k.poke == nil {
		k.poke = make(chan struct{}, 1)
	}
	k.mu.Unlock()
	for ctx.Err() == nil {
		if err := guard.Call(func() error { k.round(ctx, reload); return nil }); err != nil {
			k.Logf("sources: %v", err)
		}
		k.rest(ctx)
	}
}

// Poke says that the configuration has changed.
func (k *Keeper) Poke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.poke == nil {
		return
	}
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// round fetches what is due.
func (k *Keeper) round(ctx context.Context, reload func()) {
	all, now := k.tasks(), time.Now()
	var due []task
	k.mu.Lock()
	k.wanted = nil
	for _, t := range all {
		s := k.stateLocked(t)
		s.cached = !k.fresh(t)
		k.wanted = append(k.wanted, s)
		if !s.done && !now.Before(s.next) {
			due = append(due, t)
		}
	}
	k.mu.Unlock()
	if len(due) > 0 && k.Ready() && k.fetch(ctx, due) {
		reload()
		k.Poke() // there may be more to fetch now
	}
}

// rest waits until the next task is due and there is a network, or something has changed.
func (k *Keeper) rest(ctx context.Context) {
	pause := 24 * time.Hour
	k.mu.Lock()
	for _, s := range k.wanted {
		if !s.done {
			pause = min(pause, max(time.Until(s.next), k.pace().look))
		}
	}
	k.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.poke:
			return
		case <-time.After(pause):
		}
		if k.Ready() {
			return
		}
		pause = k.pace().look
	}
}

// fetch does each task once.
func (k *Keeper) fetch(ctx context.Context, due []task) (changed bool) {
	for _, t := range due {
		new := false
		err := guard.Call(func() (err error) { new, err = t.once(ctx); return err })
		if ctx.Err() != nil && err != nil { // an answer before says more
			err = k.state(t).err
			if err == nil {
				err = errors.New("no answer in time")
			}
		}
		changed = changed || new
		k.note(t, err)
		if new {
			k.Logf("sources: %s was fetched", t.name)
		}
	}
	return changed
}

func (k *Keeper) note(t task, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stateLocked(t)
	if err != nil && (s.err == nil || s.err.Error() != err.Error()) {
		k.Logf("sources: %s: %v", t.name, err)
	}
	s.err, s.done = err, err == nil
	if err != nil {
		s.next = time.Now().Add(s.backoff.Next())
	}
}

func (k *Keeper) state(t task) *state {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stateLocked(t)
}

func (k *Keeper) stateLocked(t task) *state {
	if k.states == nil {
		k.states = map[string]*state{}
	}
	if k.states[t.key] == nil {
		p := k.pace()
		k.states[t.key] = &state{name: t.name, backoff: fetch.Backoff{First: p.first, Last: p.last}}
	}
	return k.states[t.key]
}

// Problems says what could not be fetched, why, and when it is tried again.
func (k *Keeper) Problems() (out []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.wanted {
		if s.done {
			continue
		}
		line := s.name + " was not fetched: waiting for the network"
		if s.err != nil {
			line = fmt.Sprintf("%s was not fetched: %v; next try at %s", s.name, s.err, s.next.UTC().Format("15:04:05"))
		}
		if s.cached {
			line += "; what it said before is used"
		}
		out = append(out, line)
	}
	return out
}
