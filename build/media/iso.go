package media

import (
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/diskimage"
	"github.com/proa-os/proa/images/iso"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// ISO writes the live image. tmp is for intermediate files.
func ISO(file, tmp string, p Parts) error {
	slot, err := p.slot()
	if err != nil {
		return err
	}
	s := iso.Spec{Label: layout.ISOLabel, Title: slot.Title(), Seed: p.seed("iso"), When: p.When,
		Cmdline: slot.Shared(cmdline.Line{Mode: images.Live, Medium: layout.ISOLabel}),
		Kernel:  slot.Kernel, Initrd: slot.Initrd, Root: slot.Image, Config: p.Config}
	s.UEFI.EFIName = p.Board.EFIName
	if s.UEFI.SystemdBoot, err = p.efi(); err != nil {
		return err
	}
	if p.Board.Chains("iso").Has(chain.Isolinux) {
		if s.BIOS, err = p.isolinux(); err != nil {
			return err
		}
	}
	if s.Installer, err = p.installer(); err != nil {
		return err
	}
	return files.Create(file, func(f *os.File) error {
		if err := f.Truncate(iso.MaxSize(s)); err != nil {
			return err
		}
		size, err := iso.Write(f, s, tmp, p.Progress)
		if err != nil {
			return err
		}
		return f.Truncate(size)
	})
}

// installer returns what a disk of the board needs besides the files of the live system.
func (p Parts) installer() ([]tree.Entry, error) {
	s, err := p.slotWithFiles()
	if err != nil {
		return nil, err
	}
	i, err := p.image("disk", s)
	if err != nil {
		return nil, err
	}
	k, err := diskimage.KitOf(p.Board.Layout(), i)
	if err != nil {
		return nil, err
	}
	return k.Files(diskimage.Content{GRUB: i.GRUB, Manifest: i.Manifest, Signatures: i.Signatures})
}

func (p Parts) isolinux() (b iso.BIOS, err error) {
	for path, to := range map[string]*[]byte{
		isolinuxDir + "/isolinux.bin": &b.Isolinux, isolinuxDir + "/isohdpfx.bin": &b.HybridMBR, syslinuxDir + "/ldlinux.c32": &b.Ldlinux,
	} {
		if *to, err = os.ReadFile(filepath.Join(p.Loaders, path)); err != nil {
			return b, err
		}
	}
	return b, nil
}
