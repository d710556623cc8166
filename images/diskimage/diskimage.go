// Package diskimage has the one value that a new disk is made of, and turns it into the content of the partitions, which
// images/disk writes. The build makes disk images by it, and the installer disks: both write the same bytes. It does no
// I/O, and refuses nothing that the packages it calls accept.
package diskimage

import (
	"time"

	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
)

// Image is a new disk: one slot filled and on trial, the other one empty.
type Image struct {
	bootfs.New
	Seed   string    // GUIDs and serial numbers are derived from it
	When   time.Time // modification time of the files in the boot partition
	Chains chain.List
	Hybrid bool       // the MBR has an entry for the boot partition too
	GRUB   *disk.GRUB // if one of Chains is GRUB
	Raw    []disk.Raw // blobs that a boot ROM reads at fixed offsets
}

// Contents returns the content of the partitions of a table. Where the firmware chooses between boot partitions, the
// other files that it reads belong to the slot and are replaced with it.
func (i Image) Contents(table layout.Table) (c disk.Contents, err error) {
	c = disk.Contents{Seed: i.Seed, When: i.When, Hybrid: i.Hybrid, Raw: i.Raw, GRUB: i.GRUB,
		Root: map[layout.Slot]tree.Content{i.Name: i.Slot.Image}}
	if i.Chains.Needs(layout.State.Of(layout.Shared)) {
		c.State = uboot.Fresh(i.Name)
	}
	if i.Chains.Has(chain.Tryboot) {
		shared, own, err := bootfs.Tryboot(table, i.New)
		c.Boot, c.SlotBoot = shared, map[layout.Slot][]tree.Entry{i.Name: own}
		return c, err
	}
	c.Boot, err = bootfs.Files(i.New)
	return c, err
}
