package aftergood

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/proa-os/proa/images/layout"
)

// File is the record's name in the directory of PID 1's state, on the data partition.
const File = "after-good.json"

// drift is by how much the clock may differ from the record before that follows it.
const drift = time.Minute

// Keeper keeps the record of a machine; a power cut leaves the old one or the new one. Its methods may be called by several
// goroutines. A nil Keeper watches nothing.
type Keeper struct {
	file  string
	write func(string, []byte, os.FileMode) error // atomically
	clock func() time.Duration

	mu   sync.Mutex
	rec  *Record       // nil: nothing is watched
	born time.Duration // on clock: when the slot was marked good; negative: before this boot
}

// Open returns the keeper of a file. One that is missing or cannot be read is no record. clock returns the time since the
// kernel started, which nobody sets.
func Open(file string, write func(string, []byte, os.FileMode) error, clock func() time.Duration) *Keeper {
	k := &Keeper{file: file, write: write, clock: clock}
	var r Record
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &r) == nil && r.Slot != layout.Shared {
		k.rec = &r
	}
	return k
}

// Watched says whether a slot is watched, and since when it is good.
func (k *Keeper) Watched() (since time.Time, yes bool) {
	if k == nil {
		return time.Time{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil {
		return time.Time{}, false
	}
	return k.rec.Good, true
}

// Started counts a boot, and returns why its slot is given up, "" if it is not.
func (k *Keeper) Started(b Boot) (why string, err error) {
	if k == nil {
		return "", nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil {
		return "", nil
	}
	next, why := k.rec.Started(b)
	if k.rec = next; next == nil {
		return "", k.remove()
	}
	k.born = k.clock() - max(0, b.Now.Sub(next.Good))
	return why, k.save()
}

// Good begins to watch a slot whose trial has just ended well.
func (k *Keeper) Good(slot layout.Slot, root string, now time.Time) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rec, k.born = &Record{Slot: slot, Root: root, Good: now.UTC().Truncate(time.Second)}, k.clock()
	return k.save()
}

// Look ends the watch after Window. While the machine runs that is counted on the clock that nobody sets: the other one,
// now, may be set by years on a machine without a clock chip, and the record follows it.
func (k *Keeper) Look(now time.Time) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil {
		return nil
	}
	age := k.clock() - k.born
	if age >= Window {
		k.rec = nil
		return k.remove()
	}
	good := now.Add(-age)
	if off := good.Sub(k.rec.Good); off.Abs() < drift {
		return nil
	}
	k.rec.Good = good.UTC().Truncate(time.Second)
	return k.save()
}

// Ended records a shutdown.
func (k *Keeper) Ended() error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil {
		return nil
	}
	k.rec.Orderly = true
	return k.save()
}

// Text is Record.Text; "" if nothing is watched.
func (k *Keeper) Text() string {
	if k == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil {
		return ""
	}
	return k.rec.Text()
}

func (k *Keeper) save() error {
	text, err := json.Marshal(k.rec)
	if err != nil {
		return err
	}
	return k.write(k.file, append(text, '\n'), 0o600)
}

// remove needs no flush: a record that comes back after a power cut is too old.
func (k *Keeper) remove() error {
	if err := os.Remove(k.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
