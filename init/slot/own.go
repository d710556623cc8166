package slot

import (
	"fmt"
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/sys"
)

// OwnPart is a slot's own boot partition.
type OwnPart struct {
	Dev    string
	Number int // in the partition table
}

// Mounts returns what calls use with a slot's own boot partition mounted temporarily at dir-SLOT. root is the prefix of
// paths that are read.
func Mounts(s sys.Sys, root, dir string, flags uintptr, own map[layout.Slot]OwnPart) func(layout.Slot, bool, func(string) error) error {
	return func(of layout.Slot, write bool, use func(dir string) error) error {
		part, ok := own[of]
		if !ok {
			return fmt.Errorf("slot %q has no boot partition", of)
		}
		return Mounted(s, root, part.Dev, dir+"-"+string(of), flags, write, use)
	}
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
