package slot

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

// Trier is a boot chain whose firmware boots a slot once and does not count tries: PID 1 counts them and requests each
// one.
type Trier interface {
	// Rearm is called once at every boot, before the services. again: the slot on trial has tries left and is not the
	// running one, so the machine must restart with Restart as argument; that try is counted already.
	Rearm() (again bool, err error)
	// Arm is called at shutdown before every restart. again is as with Rearm.
	Arm() (again bool, err error)
	// Restart returns the argument for reboot(2).
	Restart() string
	// Fallback returns the slot that used up its tries, if the other one runs: what other boot chains put on the command
	// line.
	Fallback() cmdline.Fallback
}

// trybootSlots is for firmware that reads autoboot.txt. That file names the default slot, and so it decides which slot
// is good: it is written before the boot state, which only says what is on trial and how many tries are left. The
// firmware's trial flag is cleared by the boot that it causes, however that ends; so the next boot starts the slot in
// autoboot.txt.
type trybootSlots struct{ pair }

func newTryboot(b Boot, current layout.Slot) trybootSlots {
	t := trybootSlots{pair{Encoding: uboot.Encoding(), place: rawPartition{b}, boot: b, current: current}}
	t.adjust = t.settled
	return t
}

func (t trybootSlots) Restart() string { return tryboot.Restart }

// byDefault returns the slot that autoboot.txt names, Shared if it names none.
func (t trybootSlots) byDefault() layout.Slot {
	text, err := os.ReadFile(t.boot.path(tryboot.AutobootFile))
	if err != nil {
		return layout.Shared
	}
	c, err := tryboot.Parse(text)
	for slot, number := range t.boot.Numbers {
		if err == nil && number == c.Default {
			return slot
		}
	}
	return layout.Shared
}

// settle writes autoboot.txt with slot as the default and the other one for a trial. It overwrites one sector in place,
// and nothing if the text is the same.
func (t trybootSlots) settle(slot layout.Slot) error {
	text, err := tryboot.Choice{Default: t.boot.Numbers[slot], Try: t.boot.Numbers[slot.Other()]}.Text()
	if err != nil {
		return err
	}
	path := t.boot.path(tryboot.AutobootFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	return t.boot.write(func() error {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := t.boot.inPlace(f, tryboot.AutobootFile, text, 0); err != nil {
			return err
		}
		st, err := f.Stat()
		if err != nil || st.Size() == int64(len(text)) {
			return err
		}
		return f.Truncate(int64(len(text))) // it was not written by proa
	})
}

// settled corrects a state after a power cut between the two writes of Good, Rollback or GiveUp: if autoboot.txt names the
// slot on trial, or the one that runs, that slot is good.
func (t trybootSlots) settled(s bootstate.State) bootstate.State {
	to := t.byDefault()
	if s.Good != layout.Shared && to != layout.Shared && to != s.Good && (to == s.Try || to == t.current) {
		return bootstate.State{Seq: s.Seq, Good: to}
	}
	return s
}

func (t trybootSlots) Try() error {
	if _, _, err := t.read(); err != nil {
		return fmt.Errorf("read boot state: %w", err)
	}
	if t.boot.CanTry != nil {
		if err := t.boot.CanTry(); err != nil {
			return err
		}
	}
	if err := t.settle(t.current); err != nil {
		return err
	}
	return t.pair.Try()
}

// Good also repairs autoboot.txt, and a state of which both copies are damaged.
func (t trybootSlots) Good() error {
	if s, _, err := t.read(); err == nil && t.passedOver(s) {
		return fmt.Errorf("%w: slot %s", ErrPassedOver, t.Other())
	}
	if err := t.settle(t.current); err != nil {
		return err
	}
	return t.pair.Good()
}

func (t trybootSlots) GiveUp() error {
	if err := t.mayGiveUp(); err == nil {
		err = t.settle(t.Other())
		if err != nil {
			return err
		}
	}
	return t.pair.GiveUp() // calls mayGiveUp again
}

// Rearm also counts a boot of the first slot, which no restart has requested, because a new image has no good slot.
func (t trybootSlots) Rearm() (again bool, err error) {
	s, _, err := t.read()
	switch {
	case err != nil:
		return false, err
	case s.Try != t.current:
		return t.Arm()
	case t.byDefault() != t.Other() && s.Left > 0:
		return false, t.change(bootstate.State.Started)
	}
	return false, nil // the request of this boot has counted it
}

func (t trybootSlots) Arm() (again bool, err error) {
	s, _, err := t.read()
	if err != nil || s.Try == layout.Shared || s.Left == 0 {
		return false, err
	}
	home := t.current // the slot that runs after the trial
	if home == s.Try {
		home = s.Good
	}
	if home == layout.Shared || home == s.Try || t.byDefault() == s.Try {
		return false, nil // the first slot: there is no fallback, so nothing to request
	}
	if err := t.settle(home); err != nil { // a torn autoboot.txt may name one slot twice
		return false, err
	}
	if err := t.change(bootstate.State.Started); err != nil {
		return false, err
	}
	return true, nil
}

func (t trybootSlots) Fallback() cmdline.Fallback {
	s, _, err := t.read()
	if err != nil || !s.Failed() || s.Try == t.current {
		return cmdline.Fallback{}
	}
	return cmdline.Fallback{Slot: s.Try, Tries: bootstate.MaxTries}
}

// ErrKernel is returned for a kernel that drops the argument of a restart.
var ErrKernel = errors.New("this kernel does not pass tryboot to the firmware")

// tellers are kernel functions that pass a restart's argument to the firmware: of Raspberry Pi's own kernel, and of a
// module for other kernels. Upstream has neither (raspberrypi/rpi-eeprom, issue 716).
var tellers = []string{" rpi_firmware_notify_reboot", " proa_tryboot_notify"}

// KernelTells returns a CanTry that checks the running kernel's symbols. Without that function a trial would be three
// restarts of the good slot, and the new slot would be reported as failed without ever having run.
func KernelTells(kallsyms string) func() error {
	return func() error {
		f, err := os.Open(kallsyms)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKernel, err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			name, _, _ := strings.Cut(lines.Text(), "\t") // followed by the module's name
			for _, teller := range tellers {
				if strings.HasSuffix(name, teller) {
					return nil
				}
			}
		}
		return ErrKernel
	}
}
