// Package bootfs lists the files of the boot partition.
package bootfs

import (
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// Slot is what one slot has in the boot partition.
type Slot struct {
	Slot     layout.Slot
	Title    string // shown in the boot menu
	Sequence uint64
	Kernel   tree.Content
	Initrd   tree.Content
	Cmdline  string
}

// Loaders are the bootloader blobs that are files; nil ones are left out.
type Loaders struct {
	SystemdBoot []byte // systemd-bootx64.efi
	EFIName     string // "BOOTX64.EFI"
	GRUB        bool   // write grub.cfg, env0, env1
}

// Files is the whole boot partition of a fresh image.
func Files(l Loaders, slots []Slot, config []byte) []tree.Entry { return nil }
