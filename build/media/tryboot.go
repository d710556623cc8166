package media

import (
	"fmt"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/dtoverlay"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// tryboot fills the boot partitions of a board whose firmware chooses between them. The other files that the firmware
// reads belong to the slot and are replaced with it.
func (p Parts) tryboot(c *disk.Contents, t layout.Table, s slot) (err error) {
	of := bootfs.Slot{Slot: layout.A, Kernel: s.kernel, Initrd: s.initrd, Cmdline: Cmdline(p.Board, images.OnDisk, s.info) + " proa.slot=a"}
	if of.DTB, err = p.deviceTrees(); err != nil {
		return err
	}
	if of.Firmware, err = p.ownFirmware(); err != nil {
		return err
	}
	if of.Manifest, err = p.manifest(s); err != nil {
		return err
	}
	shared, own, err := bootfs.Tryboot(t, of, p.Board.ConfigTxt(), p.Config)
	c.Boot, c.SlotBoot = shared, map[layout.Slot][]tree.Entry{layout.A: own}
	return err
}

// ownFirmware returns the firmware files in a slot's own partition.
func (p Parts) ownFirmware() ([]tree.Entry, error) {
	list, err := p.firmware(nil)
	if err != nil {
		return nil, err
	}
	trees, err := p.deviceTrees()
	if err != nil {
		return nil, err
	}
	for _, o := range p.Board.Tryboot.Overlays {
		from, err := trees[o.From].ReadAll()
		if err != nil {
			return nil, err
		}
		want, err := trees[o.Want].ReadAll()
		if err != nil {
			return nil, err
		}
		text, err := dtoverlay.Between(from, want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.To, err)
		}
		list = append(list, tree.File(o.To, 0o644, tree.Bytes(text)))
	}
	return list, nil
}
