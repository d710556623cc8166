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
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
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

// contents returns the content of the partitions. Where the firmware chooses between boot partitions, the other files
// that it reads belong to the slot and are replaced with it.
func (p Parts) contents(kind string, table layout.Table, s slotimage.Slot) (c disk.Contents, err error) {
	chains := p.Board.Chains(kind)
	c = disk.Contents{Seed: p.seed(kind), When: p.When, Hybrid: p.Board.Table == "hybrid",
		Root: map[layout.Slot]tree.Content{layout.A: s.Image}}
	if c.Raw, err = p.raw(); err != nil {
		return c, err
	}
	if chains.Has(chain.GRUB) {
		if c.GRUB, err = p.grub(); err != nil {
			return c, err
		}
	}
	if chains.Needs(layout.State.Of(layout.Shared)) {
		c.State = uboot.Fresh(layout.A)
	}
	n, err := p.filled(s)
	if err != nil {
		return c, err
	}
	if chains.Has(chain.Tryboot) {
		shared, own, err := bootfs.Tryboot(table, n)
		c.Boot, c.SlotBoot = shared, map[layout.Slot][]tree.Entry{layout.A: own}
		return c, err
	}
	c.Boot, err = p.bootFiles(n)
	return c, err
}

// filled is a new image whose slot a is filled.
func (p Parts) filled(s slotimage.Slot) (n bootfs.New, err error) {
	n = bootfs.New{Slot: s, Name: layout.A, Config: p.Config, EFIName: p.Board.EFIName}
	n.Manifest, err = s.Manifest()
	return n, err
}

// bootFiles returns the files of the boot partition that both slots share.
func (p Parts) bootFiles(n bootfs.New) (_ []tree.Entry, err error) {
	if n.Chains.Has(chain.SystemdBoot) {
		if n.SystemdBoot, err = p.efi(); err != nil {
			return nil, err
		}
	}
	if n.Loose, err = p.firmware(n.DTB); err != nil {
		return nil, err
	}
	return bootfs.Files(n)
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
