// Package claim has the lock of whoever writes the slot that does not run: the engine, and the verbs of proa slot.
package claim

import (
	"errors"
	"os"
	"time"

	"github.com/proa-os/proa/init/slot"
)

// LockFile is locked by whoever writes the other slot, for as long as that takes. The boot state has a lock of its own,
// slot.LockFile, which PID 1 needs too: it marks the running slot good meanwhile.
const LockFile = "/run/proa/upgrade.lock"

// ErrBusy is returned if the slot is being written.
var ErrBusy = errors.New("another upgrade or proa slot command is running; proa upgrade status shows an upgrade")

// Lock waits up to wait for the lock at a path. Closing it releases it.
func Lock(path string, wait time.Duration) (*os.File, error) {
	f, err := slot.Lock(path, wait)
	if errors.Is(err, slot.ErrBusy) {
		return nil, ErrBusy
	}
	return f, err
}
