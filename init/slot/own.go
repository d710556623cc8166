package slot

import (
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
)

// OwnPart is a slot's own boot partition.
type OwnPart struct {
	Dev    string
	Number int // in the partition table
}

// Own returns those on the disk, below root. One whose number the kernel does not tell is missing, and cannot be used.
func (d Disk) Own(root string) map[layout.Slot]OwnPart {
	own := map[layout.Slot]OwnPart{}
	for _, of := range layout.Slots() {
		part := d.Part(layout.Boot.Of(of))
		if n, err := blockdev.Number(root, part); err == nil {
			own[of] = OwnPart{filepath.Join(root, "/dev/", part), n}
		}
	}
	return own
}
