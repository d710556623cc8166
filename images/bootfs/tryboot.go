package bootfs

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
)

// Tryboot returns the boot partitions of an image whose firmware chooses between them: the shared one, and that of the
// slot which is filled and on trial. The other slot's stays empty, so that the firmware skips it. The shared one has no
// config.txt, which would make it bootable.
func Tryboot(t layout.Table, s Slot, c tryboot.Config, config []byte) (shared, own []tree.Entry, err error) {
	text, err := Autoboot(t, s.Slot)
	if err != nil {
		return nil, nil, err
	}
	shared = []tree.Entry{
		tree.File(tryboot.AutobootFile, 0o644, tree.Bytes(text)),
		tree.File(layout.ConfigFile, 0o644, tree.Bytes(config)),
		tree.File(blackbox.File, 0o600, tree.Bytes(blackbox.New())),
	}
	own, err = OfSlot(s, c)
	return shared, own, err
}

// OfSlot returns the files of a slot's own boot partition. Only the command line names the slot.
func OfSlot(s Slot, c tryboot.Config) ([]tree.Entry, error) {
	text, err := c.Text()
	if err != nil {
		return nil, err
	}
	cmdline, err := tryboot.Cmdline(s.Cmdline)
	if err != nil {
		return nil, err
	}
	own := append([]tree.Entry{
		tree.File(tryboot.KernelFile, 0o644, s.Kernel),
		tree.File(tryboot.InitrdFile, 0o644, s.Initrd),
		tree.File(tryboot.CmdlineFile, 0o644, tree.Bytes(cmdline)),
		tree.File(tryboot.ConfigFile, 0o644, tree.Bytes(text)),
	}, s.Firmware...)
	for _, name := range slices.Sorted(maps.Keys(s.DTB)) { // where the firmware looks for the tree of its model
		own = append(own, tree.File(path.Base(name), 0o644, s.DTB[name]))
	}
	if s.Manifest != nil {
		own = append(own, tree.File(slotfile.ManifestName, 0o644, tree.Bytes(s.Manifest)))
	}
	return own, nil
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
