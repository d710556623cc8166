// Package watchdog feeds the hardware watchdogs for as long as someone says that the machine is alive: during boot a guard, for
// as long as each step keeps within its limit, and afterwards the main loop. When nobody does, the hardware restarts the machine. Without
// such hardware it does nothing, silently. It never stops a clock that runs.
package watchdog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Timeout is asked of the hardware; hardware with a shorter limit keeps its own.
const Timeout = 60 * time.Second

// Interval is how often Feed has to be called.
const Interval = 5 * time.Second

// names are where drivers put themselves. All are fed: of a board's two, one may be wired to nothing.
var names = [...]string{"watchdog0", "watchdog1", "watchdog2", "watchdog3"}

// Dogs are the watchdogs of a machine. Nil is none.
type Dogs struct {
	dir  string
	mu   sync.Mutex
	open [len(names)]*os.File
	said string // the error that was returned last
}

// In looks for watchdogs in dir, which is /dev, from the first Feed on.
func In(dir string) *Dogs { return &Dogs{dir: dir} }

// Feed restarts the hardware's clocks, of drivers that have appeared since as well: opening starts a clock. An error that stays
// the same is returned once.
func (d *Dogs) Feed() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for i, name := range names {
		if err := d.feed(i, filepath.Join(d.dir, name)); err != nil {
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if err == nil || err.Error() == d.said {
		return nil
	}
	d.said = err.Error()
	return fmt.Errorf("watchdog: %w", err)
}

func (d *Dogs) feed(i int, path string) error {
	if d.open[i] == nil {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		d.open[i] = f
		// Some hardware has one fixed timeout and refuses; it is fed often enough for any.
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, int(Timeout.Seconds()))
	}
	_, err := d.open[i].Write([]byte{0}) // never V, which lets the hardware stop its clock when the file is closed
	return err
}

// Count is how many there are.
func (d *Dogs) Count() (n int) {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.open {
		if f != nil {
			n++
		}
	}
	return n
}
