package bootfs

import (
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
)

// Tryboot returns the boot partitions of an image whose firmware chooses between them: the shared one, and that of the
// slot which is filled and on trial. The other slot's stays empty, so that the firmware skips it. The shared one has no
// config.txt, which would make it bootable.
func Tryboot(t layout.Table, n New) (shared, own []tree.Entry, err error) {
	text, err := Autoboot(t, n.Name)
	if err != nil {
		return nil, nil, err
	}
	own, err = n.own()
	return append([]tree.Entry{tree.File(tryboot.AutobootFile, 0o644, tree.Bytes(text))}, common(n)...), own, err
}

// Autoboot returns autoboot.txt of a disk that boots slot by default, and the other slot in a trial boot.
func Autoboot(t layout.Table, slot layout.Slot) ([]byte, error) {
	var c tryboot.Choice
	for of, to := range map[layout.Slot]*int{slot: &c.Default, slot.Other(): &c.Try} {
		p, err := t.Find(layout.Boot, of)
		if err != nil {
			return nil, fmt.Errorf("tryboot: %w", err)
		}
		if p.Slot != of || of == layout.Shared {
			return nil, fmt.Errorf("tryboot: slot %s has no boot partition of its own", of)
		}
		*to = p.Index
	}
	return c.Text()
}
