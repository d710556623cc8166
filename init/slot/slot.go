// Package slot is the device's interface to the two slots: which one runs, and changing the boot state from "on trial"
// to "good" or to a trial of the other one. There is one file per boot chain; all implement the same interface and pass
// the same conformance test. It does not decide when a slot is good.
package slot

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// Slots is one machine's boot state. Changes are on the medium when the call returns.
type Slots interface {
	Current() layout.Slot
	Other() layout.Slot
	// Trial says whether the current slot is on trial, and how many tries are left after this one.
	Trial() (on bool, left int, err error)
	// Try makes the next boot a trial of the other slot.
	Try() error
	// Good ends the current slot's trial: it is the default from now on, unless a trial of the other one was requested.
	// It changes nothing else, and fails with ErrPassedOver if the other slot was chosen meanwhile.
	Good() error
	// Rollback makes the next boot start the other slot, if that is complete and was good once: while the running slot is on
	// trial, and also after it has become good.
	Rollback() error
	// GiveUp makes all boots start the other slot, because the current one was good and cannot be started any more. It
	// fails with ErrNoOther unless the other one was good once and has not been given up itself, so that a machine with
	// two broken slots does not alternate between them.
	GiveUp() error

	// Standing returns the boot state of the other slot.
	Standing() (Standing, error)
	// Files calls do with the directory of a slot's boot files. With write it is writable, and flushed to the medium
	// when Files returns.
	Files(slot layout.Slot, write bool, do func(dir string) error) error
	// Clear makes the other slot unbootable and then empties its directory. It refuses while the other slot is good and
	// the current one is not, because it is then the fallback. A slot that is empty or was never good is no fallback.
	Clear() error
	// Enable makes the other slot bootable by Try, once its files are complete. Until then no boot prefers it.
	Enable(Entry) error
}

// Entry is what makes a slot bootable, once its kernel and initrd are in its directory.
type Entry struct {
	Title   string
	Cmdline string            // including proa.slot=
	Scripts map[string][]byte // for the slot's directory: grub.cfg, boot.scr
}

// ErrNotGood is returned if the current slot is not good yet.
var ErrNotGood = errors.New("the running slot is not good yet, and the other slot is its fallback")

// ErrPassedOver is returned if a rollback came before the slot was good.
var ErrPassedOver = errors.New("the next boot starts the other slot, as requested")

// ErrNoOther is returned if there is no slot to fail over to.
var ErrNoOther = errors.New("no other slot can take over")

// ErrNoState is returned for live media and unknown boot chains, which have no boot state.
var ErrNoState = errors.New("this machine has no boot state")

// Boot has the boot chain that started this machine, and the locations of its boot state.
type Boot struct {
	Chain chain.Chain
	// Dir is the mounted boot partition.
	Dir string
	// State is the raw partition with the boot state, if the chain needs one.
	State string
	// Numbers are the partition numbers of the slots' own boot partitions, if the chain has these.
	Numbers map[layout.Slot]int
	// Mount calls use with a slot's own boot partition mounted temporarily, if the chain has these.
	Mount func(slot layout.Slot, write bool, use func(dir string) error) error
	// Skipped: the boot loader could not load the good slot and started this one, which nobody has chosen.
	Skipped bool
	// CanTry returns why this machine cannot request a trial boot from its firmware; nil: it can.
	CanTry func() error
	// Writable runs change while the partition is mounted writable. nil: it always is (tests).
	Writable func(change func() error) error
	// Device is the block device of Dir, which is flushed with its files; "" for none.
	Device string
	// before is called before each change and flush; an error simulates a power cut (tests).
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

// Remount mounts the partition at dir writable for the duration of a change.
func Remount(s sys.Sys, dir string, flags uintptr) func(func() error) error {
	return func(change func() error) error {
		if err := s.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			return err
		}
		err := change()
		return errors.Join(err, SyncFS(dir), s.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""))
	}
}

// implementations has one for each place where a chain keeps its boot state.
var implementations = map[chain.State]func(Boot, layout.Slot) Slots{
	chain.InEntries: func(b Boot, current layout.Slot) Slots { return sdbootSlots{b, current} },
	chain.InGrubenv: func(b Boot, current layout.Slot) Slots {
		return pair{Encoding: grubenv.Encoding(), place: grubFiles{b}, boot: b, current: current}
	},
	chain.InPartition: func(b Boot, current layout.Slot) Slots {
		return pair{Encoding: uboot.Encoding(), place: rawPartition{b}, boot: b, current: current}
	},
	chain.InBoth: func(b Boot, current layout.Slot) Slots { return newTryboot(b, current) },
}

// Find returns the implementation for a machine's boot chain.
func Find(b Boot, current layout.Slot) (Slots, error) {
	of := implementations[b.Chain.State]
	if current == layout.Shared || of == nil {
		return nil, ErrNoState
	}
	return of(b, current), nil
}

// EFI says whether UEFI firmware started the kernel.
func EFI() bool { _, err := os.Stat("/sys/firmware/efi"); return err == nil }
