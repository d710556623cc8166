package media

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
)

// Disk writes the raw image of kind "disk" or "sd": slot a filled and on trial, slot b empty.
func Disk(file, kind string, p Parts) error {
	slot, err := p.slot()
	if err != nil {
		return err
	}
	spec := p.Board.Layout()
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		return err
	}
	contents := disk.Contents{Seed: p.seed(kind), When: p.When, Hybrid: p.Board.Table == "hybrid", Root: map[layout.Slot]tree.Content{layout.A: slot.root}}
	if contents.Raw, err = p.raw(); err != nil {
		return err
	}
	if p.Board.Chains(kind).Has(chain.GRUB) {
		if contents.GRUB, err = p.grub(); err != nil {
			return err
		}
	}
	if p.Board.Chains(kind).Needs(layout.State.Of(layout.Shared)) {
		contents.State = uboot.Fresh(layout.A)
	}
	if p.Board.Chains(kind).Has(chain.Tryboot) {
		err = p.tryboot(&contents, table, slot)
	} else {
		contents.Boot, err = p.bootFiles(kind, slot)
	}
	if err != nil {
		return err
	}
	return files.Create(file, func(f *os.File) error {
		if err := f.Truncate(spec.ImageSize()); err != nil {
			return err
		}
		return disk.Write(f, spec.ImageSize(), table, contents, p.Progress)
	})
}

// bootFiles returns the files of the boot partition.
func (p Parts) bootFiles(kind string, s slot) ([]tree.Entry, error) {
	of := bootfs.Slot{Slot: layout.A, Title: p.title(), Kernel: s.kernel, Initrd: s.initrd, Cmdline: Cmdline(p.Board, images.OnDisk, s.info) + " proa.slot=a"}
	loaders := bootfs.Loaders{Chains: p.Board.Chains(kind), EFIName: p.Board.EFIName}
	var err error
	if loaders.Chains.Has(chain.SystemdBoot) {
		if loaders.SystemdBoot, err = p.efi(); err != nil {
			return nil, err
		}
	}
	if loaders.Chains.Has(chain.UBoot) {
		if loaders.UBoot, err = uboot.NewScripts(p.Board.Scripts(), of.Slot, of.Cmdline, p.When); err != nil {
			return nil, err
		}
	}
	if of.DTB, err = p.deviceTrees(); err != nil {
		return nil, err
	}
	if of.Manifest, err = p.manifest(s); err != nil {
		return nil, err
	}
	if loaders.Firmware, err = p.firmware(of.DTB); err != nil {
		return nil, err
	}
	return bootfs.Files(loaders, of, p.Config), nil
}

// deviceTrees returns the kernel package's device trees that the board names, by their path there.
func (p Parts) deviceTrees() (map[string]tree.Content, error) {
	list := map[string]tree.Content{}
	for _, name := range p.Board.Kernel.DTBs {
		c, err := tree.HostFile(filepath.Join(p.Kernel, "dtb", name))
		if err != nil {
			return nil, fmt.Errorf("board %s: device tree: %w", p.Board.Name, err)
		}
		list[name] = c
	}
	return list, nil
}

// firmware returns the files in the boot partition that the board's ROM or firmware reads. Firmware that loads a device
// tree looks for it in the root directory.
func (p Parts) firmware(dtb map[string]tree.Content) (list []tree.Entry, err error) {
	for _, f := range p.Board.Firmware.Files {
		c, err := tree.HostFile(filepath.Join(p.Firmware, f.From))
		if err != nil {
			return nil, fmt.Errorf("board %s: firmware: %w", p.Board.Name, err)
		}
		list = append(list, tree.File(f.To, 0o644, c))
	}
	for _, f := range p.Board.Firmware.Texts {
		list = append(list, tree.File(f.To, 0o644, tree.Bytes([]byte(f.Text))))
	}
	if p.Board.Firmware.DTBs {
		for name, c := range dtb {
			list = append(list, tree.File(path.Base(name), 0o644, c))
		}
	}
	return list, nil
}

// raw returns the blobs that the boot ROM reads at fixed offsets.
func (p Parts) raw() (list []disk.Raw, err error) {
	for _, f := range p.Board.Firmware.Raw {
		b, err := os.ReadFile(filepath.Join(p.Firmware, f.From))
		if err != nil {
			return nil, fmt.Errorf("board %s: firmware: %w", p.Board.Name, err)
		}
		list = append(list, disk.Raw{At: int64(f.At), Bytes: b})
	}
	return list, nil
}

func (p Parts) grub() (*disk.GRUB, error) {
	boot, err := os.ReadFile(filepath.Join(p.GRUB, "boot.img"))
	if err != nil {
		return nil, err
	}
	core, err := os.ReadFile(filepath.Join(p.GRUB, "core.img"))
	return &disk.GRUB{BootImg: boot, CoreImg: core}, err
}
