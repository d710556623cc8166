// Package bootfs lists the files of a new boot partition: boot loaders and their boot state, kernel, initrd and device
// trees of each slot, the black box, and the user's config.yaml. It does no I/O.
package bootfs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
)

// Slot has the files of one slot in the boot partition.
type Slot struct {
	Slot    layout.Slot
	Title   string // shown in the boot menu
	Kernel  tree.Content
	Initrd  tree.Content
	Cmdline string
	DTB     map[string]tree.Content // device trees by file name; nil if the firmware provides the tree
	// Firmware has other files that the firmware reads under tryboot: overlays/, start4.elf. They are replaced with the
	// slot.
	Firmware []tree.Entry

	// Manifest is stored with them as slotfile.ManifestName, so that the slot can be verified before it is tried again;
	// nil: none.
	Manifest []byte
}

// Loaders has the boot loaders of an image. U-Boot's EFI boot manager would start systemd-boot before any script, so an
// image has one of the two.
type Loaders struct {
	Chains      chain.List
	SystemdBoot []byte        // systemd-boot's program
	EFIName     string        // file name that UEFI firmware looks for: "BOOTX64.EFI"
	UBoot       uboot.Scripts // U-Boot's
	Firmware    []tree.Entry  // files that the board's firmware or ROM reads
}

// Files returns the boot partition of an image whose slot a is filled and on trial.
func Files(l Loaders, s Slot, config []byte) []tree.Entry {
	dir := s.Slot.Dir() + "/"
	files := []tree.Entry{
		tree.File(layout.ConfigFile, 0o644, tree.Bytes(config)),
		tree.File(blackbox.File, 0o600, tree.Bytes(blackbox.New())), // the device never creates or extends it
		tree.File(dir+layout.KernelFile, 0o644, s.Kernel),
		tree.File(dir+layout.InitrdFile, 0o644, s.Initrd),
		tree.Dir(s.Slot.Other().Dir(), 0o755),
	}
	if s.Manifest != nil {
		files = append(files, tree.File(dir+slotfile.ManifestName, 0o644, tree.Bytes(s.Manifest)))
	}
	if l.Chains.Has(chain.SystemdBoot) {
		files = append(files, uefi(l, s)...)
	}
	if l.Chains.Has(chain.GRUB) {
		files = append(files, bios(s)...)
	}
	if l.Chains.Has(chain.UBoot) {
		files = append(files, tree.File(uboot.ScriptFile, 0o644, tree.Bytes(l.UBoot.Boot)),
			tree.File(dir+uboot.ScriptFile, 0o644, tree.Bytes(l.UBoot.Slot)))
	}
	files = append(files, l.Firmware...)
	for _, name := range slices.Sorted(maps.Keys(s.DTB)) {
		files = append(files, tree.File(dir+layout.DTBDir+"/"+name, 0o644, s.DTB[name]))
	}
	return files
}

func uefi(l Loaders, s Slot) []tree.Entry {
	entry := sdboot.Entry{Slot: s.Slot, Title: s.Title, Sequence: 1, Cmdline: s.Cmdline}
	return []tree.Entry{
		tree.File("EFI/BOOT/"+l.EFIName, 0o644, tree.Bytes(l.SystemdBoot)),
		tree.File("loader/loader.conf", 0o644, tree.Bytes(sdboot.LoaderConf())),
		tree.File(fmt.Sprintf("%s/%s", sdboot.Dir, sdboot.Trial(s.Slot)), 0o644, tree.Bytes(entry.Text())),
	}
}

// bios returns both files with the same state, the second one with the previous sequence number, so that either alone
// is enough.
func bios(s Slot) []tree.Entry {
	first := bootstate.First(s.Slot)
	return []tree.Entry{
		tree.File(grubenv.ConfigFile, 0o644, tree.Bytes(grubenv.Config())),
		tree.File(grubenv.Dir+"/"+grubenv.File(0), 0o644, tree.Bytes(grubenv.Encode(first))),
		tree.File(grubenv.Dir+"/"+grubenv.File(1), 0o644, tree.Bytes(grubenv.Encode(first.Older()))),
		tree.File(s.Slot.Dir()+"/"+grubenv.SlotFile, 0o644, tree.Bytes(grubenv.SlotConfig(s.Slot, s.Cmdline))),
	}
}
