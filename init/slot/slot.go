// Package slot is the device's view of the two slots: which one runs, and moving the boot state from "on trial" to "good" or to a
// trial of the other. One file per boot chain; all keep to the same interface and the same conformance test. It refuses to decide when a
// slot is good.
package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
	"golang.org/x/sys/unix"
)

// Slots is one machine's boot state. Changes are on the disk when the call returns.
type Slots interface {
	Current() layout.Slot
	Other() layout.Slot
	// Trial reports whether the current slot still has to prove itself, and how many tries are left after this one.
	Trial() (on bool, left int, err error)
	// Try makes the next boot a trial of the other slot.
	Try() error
	// Good ends the current slot's trial: it is booted from now on, unless a trial of the other one was asked for. It touches nothing
	// else, and fails with ErrPassedOver if the other slot was chosen meanwhile.
	Good() error
	// Rollback makes the next boot the other slot's, if that one is good.
	Rollback() error
	// GiveUp makes all boots the other slot's, because the current one was good and cannot be started any more. It refuses with
	// ErrNoOther unless the other was good once and has not been given up itself: between two broken slots no machine shall go to and fro.
	GiveUp() error

	// Standing says what is known of the other slot.
	Standing() (Standing, error)
	// Files runs do with the directory of a slot's boot files. With write it may be changed, and is on the medium when Files returns.
	Files(slot layout.Slot, write bool, do func(dir string) error) error
	// Clear makes the other slot one that no boot starts, then empties its directory. It refuses while the other slot is good and the
	// current one is not: it is what a trial falls back to. One that holds nothing, or was never good, is nothing to fall back to.
	Clear() error
	// Enable makes the other slot, whose files are all there, one that Try can choose and that no boot prefers before.
	Enable(Entry) error
}

// Entry is what makes a slot bootable; its kernel and initrd lie in its directory by then.
type Entry struct {
	Title   string
	Cmdline string            // with proa.slot=
	Scripts map[string][]byte // go into the slot's directory: grub.cfg, boot.scr
}

// ErrNotGood: the current slot has not proved itself yet.
var ErrNotGood = errors.New("the running slot is not known to be good, and the other one is what it would fall back to")

// ErrPassedOver: a rollback came before the slot had proved itself.
var ErrPassedOver = errors.New("the next start is the other slot's, as it was asked for")

// ErrNoOther: there is no slot to go to.
var ErrNoOther = errors.New("no other slot can take over")

// ErrNoState: live media and unknown boot chains keep no state.
var ErrNoState = errors.New("this machine keeps no boot state")

// Boot is where state lies.
type Boot struct {
	// Dir is the mounted boot partition.
	Dir string
	// State is the raw partition that holds the state where U-Boot or the firmware itself starts the machine; "" elsewhere.
	State string
	// Numbers are those of the slots' own boot partitions in the partition table; nil where the slots share one.
	Numbers map[layout.Slot]int
	// Mount runs use with a slot's own boot partition mounted for the moment; nil where the slots share one.
	Mount func(slot layout.Slot, write bool, use func(dir string) error) error
	// Skipped: the boot loader could not load the good slot and started this one, which nobody has chosen.
	Skipped bool
	// CanTry says why this machine cannot ask its firmware for a trial; nil: it can.
	CanTry func() error
	// Writable runs change while the partition may be written. nil: it always may (tests).
	Writable func(change func() error) error
	// Device is what Dir lies on, flushed along with its files; "" for none.
	Device string
	// before is asked ahead of every single change and flush; an error is a power cut (tests).
	before func(what string) error
}

func (b Boot) do(what string, f func() error) error {
	if b.before != nil {
		if err := b.before(what); err != nil {
			return err
		}
	}
	return f()
}

func (b Boot) write(change func() error) error {
	if b.Writable == nil {
		return change()
	}
	return b.Writable(change)
}

func (b Boot) path(parts ...string) string {
	return filepath.Join(append([]string{b.Dir}, parts...)...)
}

// Remount makes the partition at dir writable for the moment of a change.
func Remount(dir string, flags uintptr) func(func() error) error {
	return func(change func() error) error {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			return fmt.Errorf("remount %s writable: %w", dir, err)
		}
		err := change()
		return errors.Join(err, SyncFS(dir), unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""))
	}
}

// Find chooses the chain that started this machine. A disk whose slots have boot partitions of their own is one that the firmware
// starts; one with a partition for the state besides is U-Boot's; else firmware that speaks UEFI started systemd-boot, and any other
// GRUB.
func Find(b Boot, current layout.Slot, efi bool) (Slots, error) {
	if current == layout.Shared {
		return nil, ErrNoState
	}
	switch {
	case b.Numbers != nil:
		return newTryboot(b, current), nil
	case b.State != "":
		return pair{Encoding: uboot.Encoding(), place: rawPartition{b}, boot: b, current: current}, nil
	case efi:
		return sdbootSlots{b, current}, nil
	}
	return pair{Encoding: grubenv.Encoding(), place: grubFiles{b}, boot: b, current: current}, nil
}

// EFI reports whether UEFI firmware started the kernel.
func EFI() bool { _, err := os.Stat("/sys/firmware/efi"); return err == nil }
