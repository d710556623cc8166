// Package watchdog feeds the hardware watchdogs as long as the machine works: during boot by a guard, while each step
// is within its time limit, and afterwards from the main loop. Otherwise the hardware resets the machine. Without such
// hardware it does nothing. It never stops a running watchdog.
package watchdog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/cmdline"
)

// Timeout is set in the hardware; hardware with a shorter maximum keeps its own.
const Timeout = 60 * time.Second

// Interval is how often Feed must be called.
const Interval = 5 * time.Second

// names are the device nodes of watchdogs. All are fed: of two on a board, one may not be connected.
var names = [...]string{"watchdog0", "watchdog1", "watchdog2", "watchdog3"}

// Dogs are the watchdogs of a machine. nil: none.
type Dogs struct {
	dir  string
	line string // path of the kernel command line; "": watchdogs cannot be disabled
	off  bool
	mu   sync.Mutex
	open [len(names)]*os.File
	said string // last error returned
}

// In uses the watchdogs in dir, which is /dev, from the first Feed on.
func In(dir string) *Dogs { return &Dogs{dir: dir} }

// Heed delays the use of watchdogs until file, which is /proc/cmdline, can be read, and disables them if that contains
// cmdline.NoWatchdog.
func (d *Dogs) Heed(file string) *Dogs {
	d.line = file
	return d
}

// may is called with the lock held.
func (d *Dogs) may() bool {
	if d.line != "" {
		text, err := os.ReadFile(d.line)
		if err != nil {
			return false // not mounted yet
		}
		d.line, d.off = "", slices.Contains(strings.Fields(string(text)), cmdline.NoWatchdog)
	}
	return !d.off
}

// Feed feeds all watchdogs, also those whose drivers have been loaded since: opening one starts it. The same error is
// returned only once in a row.
func (d *Dogs) Feed() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.may() {
		return nil
	}
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
		// Some hardware has a fixed timeout and refuses another; Interval is short enough for all.
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, int(Timeout.Seconds()))
	}
	_, err := d.open[i].Write([]byte{0}) // never V (magic close), which would let the hardware stop when the file is closed
	return err
}

// Reset says whether the driver of an open watchdog tells that this watchdog reset the machine (WDIOC_GETBOOTSTATUS). Not
// every driver can tell.
func (d *Dogs) Reset() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.open {
		if f == nil {
			continue
		}
		if flags, err := unix.IoctlGetInt(int(f.Fd()), unix.WDIOC_GETBOOTSTATUS); err == nil && flags&unix.WDIOF_CARDRESET != 0 {
			return true
		}
	}
	return false
}

// Count returns the number of open watchdogs.
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
