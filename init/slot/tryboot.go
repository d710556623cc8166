package slot

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

// Trier is a chain whose firmware starts a slot once and knows no number of tries: PID 1 counts them and asks for each.
type Trier interface {
	// Rearm is asked once by every start, before services. again: the slot under trial has tries left and is not the one that runs,
	// so the machine shall restart with Restart as its argument; that try is counted already.
	Rearm() (again bool, err error)
	// Arm is asked by every way down to a restart. again is as with Rearm.
	Arm() (again bool, err error)
	// Restart is the argument of reboot(2).
	Restart() string
	// Fallback is "SLOT:TRIES" if SLOT used up its tries and the other one runs, as proa.fallback says it elsewhere; or "".
	Fallback() string
}

// trybootSlots is for firmware that reads autoboot.txt. That file says which slot is started, and so it is what makes a slot good: it
// is written before the state, which only says what is on trial and how often it may still be started. The firmware's flag is
// used up by the start it causes, however that ends; so whatever else happens, the slot of autoboot.txt runs next.
type trybootSlots struct{ pair }

func newTryboot(b Boot, current layout.Slot) trybootSlots {
	t := trybootSlots{pair{Encoding: uboot.Encoding(), place: rawPartition{b}, boot: b, current: current}}
	t.adjust = t.settled
	return t
}

func (t trybootSlots) Restart() string { return tryboot.Restart }

// byDefault is the slot that autoboot.txt names, Shared if it names none.
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

// settle makes autoboot.txt name slot, and the other one for a trial. It is one sector, in place, and nothing if it says so already.
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
		return f.Truncate(int64(len(text))) // it was none of ours
	})
}

// settled is the adjust of its state: a trial of the slot that autoboot.txt names is over, and the power was cut between the two
// writes of Good.
func (t trybootSlots) settled(s bootstate.State) bootstate.State {
	if s.Good != layout.Shared && s.Try != layout.Shared && t.byDefault() == s.Try {
		return bootstate.State{Seq: s.Seq, Good: s.Try}
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

// Good heals as well: autoboot.txt, and a state of which both copies are damaged.
func (t trybootSlots) Good() error {
	if s, _, err := t.read(); err == nil && t.passedOver(s) {
		return fmt.Errorf("%w: slot %s", ErrPassedOver, t.Other())
	}
	if err := t.settle(t.current); err != nil {
		return err
	}
	return t.pair.Good()
}

func (t trybootSlots) Rollback() error {
	s, _, err := t.read()
	if err != nil {
		return err
	}
	if s.Good != t.Other() {
		return fmt.Errorf("slot %s was never good", t.Other())
	}
	if err := t.settle(t.Other()); err != nil {
		return err
	}
	return t.pair.Rollback()
}

func (t trybootSlots) GiveUp() error {
	if err := t.mayGiveUp(); err == nil {
		err = t.settle(t.Other())
		if err != nil {
			return err
		}
	}
	return t.pair.GiveUp() // which asks again
}

// Rearm counts a start of the first slot itself, which no restart has asked for: a new image has no good slot.
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
	return false, nil // whoever asked for this start has counted it
}

func (t trybootSlots) Arm() (again bool, err error) {
	s, _, err := t.read()
	if err != nil || s.Try == layout.Shared || s.Left == 0 {
		return false, err
	}
	home := t.current // where the machine shall be after the trial
	if home == s.Try {
		home = s.Good
	}
	if home == layout.Shared || home == s.Try || t.byDefault() == s.Try {
		return false, nil // the first slot: there is nothing to come back to, and nothing to ask for
	}
	if err := t.settle(home); err != nil { // a torn autoboot.txt may name one slot twice
		return false, err
	}
	if err := t.change(bootstate.State.Started); err != nil {
		return false, err
	}
	return true, nil
}

func (t trybootSlots) Fallback() string {
	s, _, err := t.read()
	if err != nil || !s.Failed() || s.Try == t.current {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.Try, bootstate.MaxTries)
}

// ErrKernel is a kernel that drops the argument of a restart.
var ErrKernel = errors.New("this kernel does not hand tryboot to the firmware")

// tellers are functions of kernels that hand a restart's argument to the firmware: Raspberry Pi's own kernel, and a module that does
// the same for others. Upstream has neither (raspberrypi/rpi-eeprom, issue 716).
var tellers = []string{" rpi_firmware_notify_reboot", " proa_tryboot_notify"}

// KernelTells is a CanTry that looks at the running kernel's symbols. A trial that the firmware never hears of would be three
// restarts of the good slot, and then a slot that is called bad and never ran.
func KernelTells(kallsyms string) func() error {
	return func() error {
		f, err := os.Open(kallsyms)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKernel, err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			name, _, _ := strings.Cut(lines.Text(), "\t") // a module's name follows
			for _, teller := range tellers {
				if strings.HasSuffix(name, teller) {
					return nil
				}
			}
		}
		return ErrKernel
	}
}
