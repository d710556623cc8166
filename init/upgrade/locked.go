package upgrade

import (
	"fmt"
	"io"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
)

// Locked returns slots that take the lock of the boot state for each change only. While boot files are written it is
// held, because the boot partition is writable then; during the transfer of the root it is not.
func Locked(s slot.Slots, lock func() (io.Closer, error)) slot.Slots { return locked{s, lock} }

type locked struct {
	slot.Slots
	lock func() (io.Closer, error)
}

func (l locked) hold(change func() error) error {
	held, err := l.lock()
	if err != nil {
		return fmt.Errorf("boot state: %w", err)
	}
	defer held.Close()
	return change()
}

func (l locked) Try() error      { return l.hold(l.Slots.Try) }
func (l locked) Good() error     { return l.hold(l.Slots.Good) }
func (l locked) Rollback() error { return l.hold(l.Slots.Rollback) }
func (l locked) GiveUp() error   { return l.hold(l.Slots.GiveUp) }
func (l locked) Clear() error    { return l.hold(l.Slots.Clear) }

func (l locked) Enable(e slot.Entry) error {
	return l.hold(func() error { return l.Slots.Enable(e) })
}

func (l locked) Files(s layout.Slot, write bool, do func(dir string) error) error {
	if !write {
		return l.Slots.Files(s, false, do)
	}
	return l.hold(func() error { return l.Slots.Files(s, true, do) })
}
