package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// prove marks in a slot's directory that it was good: the state of boot scripts has one good slot only, and forgets the
// other one when an upgrade succeeds. The mark is removed when the slot is cleared.
func (b Boot) prove(slot layout.Slot) error {
	if b.proved(slot) == nil {
		return nil
	}
	err := b.files(slot, true, func(dir string) error { return b.create(dir, slotfile.ProvedName, []byte("good\n")) })
	if err != nil {
		return fmt.Errorf("mark slot %s as proved: %w", slot, err)
	}
	return nil
}

func (b Boot) proved(slot layout.Slot) error {
	return b.files(slot, false, func(dir string) error {
		_, err := os.Stat(filepath.Join(dir, slotfile.ProvedName))
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: slot %s was never good", ErrNoOther, slot)
		}
		return err
	})
}

// canTakeOver returns why a slot cannot be started instead of the running one. It was complete when it was marked; from the
// moment when it is cleared it has no file that starts it.
func (b Boot) canTakeOver(slot layout.Slot) error {
	if err := b.proved(slot); err != nil || b.Chain.Starter == "" {
		return err
	}
	return b.files(slot, false, func(dir string) error {
		if st, err := os.Stat(filepath.Join(dir, b.Chain.Starter)); err != nil || st.Size() == 0 {
			return fmt.Errorf("%w: slot %s is incomplete", ErrNoOther, slot)
		}
		return nil
	})
}
