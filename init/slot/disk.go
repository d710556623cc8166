package slot

import (
	"path/filepath"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/init/blockdev"
)

// Disk is the disk that has the boot partition. Another disk in the machine may have proa as well.
type Disk struct {
	root, name string // name "": the boot partition is on no disk
}

// DiskOf returns the disk with a boot partition, as sysfs below root has it.
func DiskOf(root, boot string) Disk { return Disk{root, blockdev.Disk(root, filepath.Base(boot))} }

// Part returns the disk's partition of a GPT name, such as vda3; "" if there is none.
func (d Disk) Part(name string) string {
	for _, part := range blockdev.Named(d.root, name) {
		if d.name != "" && blockdev.Disk(d.root, part) == d.name {
			return part
		}
	}
	return ""
}

// Chain returns the boot chain that started this machine from the disk.
func (d Disk) Chain() chain.Chain {
	return chain.On(chain.Seen{Partition: func(name string) bool { return d.Part(name) != "" }, UEFI: EFI()})
}
