// Package bootfs lists the files of a new boot partition: boot loaders and their boot state, the files of the slot that
// is filled, the black box, and the user's config.yaml. It does no I/O.
package bootfs

import (
	"fmt"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
)

// New is a new image: one of its slots is filled and on trial.
type New struct {
	slotimage.Slot
	Name layout.Slot // of that slot

	// Manifest is stored with the slot's files as slotfile.ManifestName, so that the slot can be verified before it is
	// booted; nil: none. Signatures are its slotsig.Name.
	Manifest, Signatures []byte
	Config               []byte // config.yaml

	SystemdBoot []byte       // systemd-boot's program
	EFIName     string       // file name that UEFI firmware looks for: "BOOTX64.EFI"
	Loose       []tree.Entry // files in the boot partition that the board's firmware or ROM reads
}

// loaders write what each chain has in the boot partition. Tryboot's is in tryboot.go. U-Boot's EFI boot manager would
// start systemd-boot before any script, so a board has one of the two.
var loaders = map[string]func(New) ([]tree.Entry, error){
	chain.SystemdBoot: uefi,
	chain.GRUB:        bios,
	chain.UBoot:       script,
}

// Files returns the boot partition that both slots share.
func Files(n New) ([]tree.Entry, error) {
	own, err := n.own()
	if err != nil {
		return nil, err
	}
	files := append(common(n), tree.Dir(n.Name.Other().Dir(), 0o755))
	for _, e := range own {
		e.Path = n.Name.Dir() + "/" + e.Path
		files = append(files, e)
	}
	for _, c := range n.Chains {
		load := loaders[c.Name]
		if load == nil {
			continue
		}
		more, err := load(n)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return append(files, n.Loose...), nil
}

// common are the files that every boot partition has. The device never creates or extends the black box.
func common(n New) []tree.Entry {
	return []tree.Entry{
		tree.File(layout.ConfigFile, 0o644, tree.Bytes(n.Config)),
		tree.File(blackbox.File, 0o600, tree.Bytes(blackbox.New())),
	}
}

// own are the files of the slot that is filled.
func (n New) own() ([]tree.Entry, error) {
	list, err := n.Slot.Files(n.Name)
	if n.Manifest != nil {
		list = append(list, tree.File(slotfile.ManifestName, 0o644, tree.Bytes(n.Manifest)), tree.File(slotsig.Name, 0o644, tree.Bytes(n.Signatures)))
	}
	return list, err
}

func uefi(n New) ([]tree.Entry, error) {
	entry := sdboot.Entry{Slot: n.Name, Title: n.Title(), Sequence: 1, Cmdline: n.Cmdline(n.Name)}
	return []tree.Entry{
		tree.File("EFI/BOOT/"+n.EFIName, 0o644, tree.Bytes(n.SystemdBoot)),
		tree.File("loader/loader.conf", 0o644, tree.Bytes(sdboot.LoaderConf())),
		tree.File(fmt.Sprintf("%s/%s", sdboot.Dir, sdboot.Trial(n.Name)), 0o644, tree.Bytes(entry.Text())),
	}, nil
}

// bios returns both files with the same state, the second one with the previous sequence number, so that either alone
// is enough. The boot code itself is written by images/disk.
func bios(n New) ([]tree.Entry, error) {
	first := bootstate.First(n.Name)
	return []tree.Entry{
		tree.File(grubenv.ConfigFile, 0o644, tree.Bytes(grubenv.Config())),
		tree.File(grubenv.Dir+"/"+grubenv.File(0), 0o644, tree.Bytes(grubenv.Encode(first))),
		tree.File(grubenv.Dir+"/"+grubenv.File(1), 0o644, tree.Bytes(grubenv.Encode(first.Older()))),
	}, nil
}

// script returns the script that chooses the slot. Its boot state is in a partition of its own.
func script(n New) ([]tree.Entry, error) {
	text, err := uboot.Script(n.UBoot)
	if err != nil {
		return nil, err
	}
	return []tree.Entry{tree.File(uboot.ScriptFile, 0o644, tree.Bytes(n.UBoot.Image("proa", text, n.When)))}, nil
}
