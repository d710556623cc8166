package media

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/diskimage"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
)

// Disk writes the raw image of kind "disk" or "sd": slot a filled and on trial, slot b empty.
func Disk(file, kind string, p Parts) error {
	slot, err := p.slotWithFiles()
	if err != nil {
		return err
	}
	spec := p.Board.Layout()
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		return err
	}
	contents, err := p.contents(kind, table, slot)
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

// contents returns the content of the partitions.
func (p Parts) contents(kind string, table layout.Table, s slotimage.Slot) (disk.Contents, error) {
	i, err := p.image(kind, s)
	if err != nil {
		return disk.Contents{}, err
	}
	return i.Contents(table)
}

// image is a new disk whose slot a is filled.
func (p Parts) image(kind string, s slotimage.Slot) (i diskimage.Image, err error) {
	i = diskimage.Image{Seed: p.seed(kind), When: p.When, Chains: p.Board.Chains(kind), Hybrid: p.Board.Table == "hybrid"}
	if i.Raw, err = p.raw(); err != nil {
		return i, err
	}
	if i.Chains.Has(chain.GRUB) {
		if i.GRUB, err = p.grub(); err != nil {
			return i, err
		}
	}
	i.New, err = p.filled(s, i.Chains)
	return i, err
}

// filled are the files of the boot partitions. Under tryboot the other files that the firmware reads are the slot's.
func (p Parts) filled(s slotimage.Slot, chains chain.List) (n bootfs.New, err error) {
	n = bootfs.New{Slot: s, Name: layout.A, Config: p.Config, EFIName: p.Board.EFIName}
	if n.Manifest, n.Signatures, err = s.Signed(); err != nil || chains.Has(chain.Tryboot) {
		return n, err
	}
	if chains.Has(chain.SystemdBoot) {
		if n.SystemdBoot, err = p.efi(); err != nil {
			return n, err
		}
	}
	n.Loose, err = p.firmware(n.DTB)
	return n, err
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
