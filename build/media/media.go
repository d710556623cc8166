// Package media assembles images to flash from the outputs of other steps: disk, SD card and ISO images. It reads
// directories and writes one file; it starts no programs, knows no steps and uses no clock.
package media

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
)

// Parts are the output directories of other steps, and the metadata of the image.
type Parts struct {
	Board     boards.Board
	Loaders   string // directory of the architecture's boot loaders
	Firmware  string // directory of the board's own boot files; empty: none
	GRUB      string // directory of boot.img and core.img; empty: the image does not boot with GRUB
	Kernel    string
	Initramfs string
	Root      string
	Version   string // of proa
	When      time.Time
	Config    []byte // config.yaml
	// Sign signs the manifest of the slot; nil: images are unsigned.
	Sign slotfile.Sign

	Progress func(done, total int64)
}

// Paths of the boot loaders in their packages.
const (
	systemdBoot = "usr/lib/systemd/boot/efi"
	isolinuxDir = "usr/lib/ISOLINUX"
	syslinuxDir = "usr/lib/syslinux/modules/bios"
)

// Files beside the root image: its verity.Root and its Regions.
const (
	RootFile    = "root.json"
	RegionsFile = "root-regions.json"
)

// Regions say what the bytes of a root image are made of; docs/release.md has the forms.
type Regions struct {
	Form    string         `json:"form"`
	Regions []erofs.Region `json:"regions"` // in the order of their offsets, without gaps
}

// seed returns the seed for GUIDs, which differ between boards, kinds and releases.
func (p Parts) seed(kind string) string {
	return "proa " + p.Board.Name + " " + kind + " " + p.Version
}

// slot returns the slot that all images of the board have.
func (p Parts) slot() (s slotimage.Slot, err error) {
	b := p.Board
	s = slotimage.Slot{Board: b.Name, Version: p.Version, Words: words(b), When: p.When, Sign: p.Sign,
		Chains: b.SlotChains(), UBoot: b.Scripts(), ConfigTxt: b.ConfigTxt()}
	text, err := os.ReadFile(filepath.Join(p.Root, RootFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s.Root); err != nil {
		return s, fmt.Errorf("%s: %w", RootFile, err)
	}
	vmlinuz := layout.KernelFile
	if b.Unpacks() {
		vmlinuz += ".gz"
	}
	for file, to := range map[string]*tree.Content{
		filepath.Join(p.Kernel, vmlinuz): &s.Kernel, filepath.Join(p.Initramfs, layout.InitrdFile): &s.Initrd,
		filepath.Join(p.Root, slotfile.RootName): &s.Image,
	} {
		if *to, err = tree.HostFile(file); err != nil {
			return s, err
		}
	}
	return s, nil
}

// slotWithFiles also reads what only disks and slot files have: device trees, and the firmware in each slot.
func (p Parts) slotWithFiles() (s slotimage.Slot, err error) {
	if s, err = p.slot(); err != nil {
		return s, err
	}
	if s.Chains.OwnBoot() {
		if s.Firmware, err = p.ownFirmware(); err != nil {
			return s, err
		}
	}
	s.DTB, err = p.deviceTrees()
	return s, err
}

// words are the kernel's words on the command line of a board. panic=10: restart after a kernel panic; loglevel=4:
// warnings and worse, PID 1 prints the rest. transparent_hugepage=never: with Debian's "always", half-used huge pages
// and their reserve took 267 of the 683 MB that a Ready node of 3 GiB used.
func words(b boards.Board) (list []string) {
	for _, c := range b.Console {
		list = append(list, "console="+c)
	}
	return append(list, "panic=10", "loglevel=4", "transparent_hugepage=never")
}

// efi reads systemd-boot. Its file name is EFIName in lower case with the prefix "systemd-".
func (p Parts) efi() ([]byte, error) {
	suffix := strings.ToLower(strings.TrimPrefix(p.Board.EFIName, "BOOT"))
	return os.ReadFile(filepath.Join(p.Loaders, systemdBoot, "systemd-boot"+suffix))
}
