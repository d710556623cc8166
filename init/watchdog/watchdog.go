// Package watchdog feeds the hardware watchdog for as long as someone says that the main loop is alive. When nobody does, the
// hardware restarts the machine. Without such hardware it does nothing, silently.
package watchdog

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Timeout is asked of the hardware; hardware with a shorter limit keeps its own.
const Timeout = 60 * time.Second

// Device is an open watchdog. Opening starts the hardware's clock.
type Device struct{ f *os.File }

// Open returns nil without error when there is no watchdog.
func Open(path string) (*Device, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	// Some hardware has one fixed timeout and refuses; it is fed often enough for any.
	_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, int(Timeout.Seconds()))
	return &Device{f}, nil
}

// Interval is how often Feed has to be called.
const Interval = 5 * time.Second

// Feed restarts the hardware's clock.
func (d *Device) Feed() error {
	if d == nil {
		return nil
	}
	_, err := d.f.Write([]byte{0})
	return err
}
