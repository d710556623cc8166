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

	Progress func(done, total int64)
}

// Paths of the boot loaders in their packages.
const (
	systemdBoot = "usr/lib/systemd/boot/efi"
	isolinuxDir = "usr/lib/ISOLINUX"
	syslinuxDir = "usr/lib/syslinux/modules/bios"
)

// RootInfo is root.json: the values about a root image that go on the kernel command line.
type RootInfo struct {
	RootHash string `json:"roothash"`
	RootSize int64  `json:"rootsize"` // size of the file system; the verity superblock follows
}

// seed returns the seed for GUIDs, which differ between boards, kinds and releases.
func (p Parts) seed(kind string) string {
	return "proa " + p.Board.Name + " " + kind + " " + p.Version
}

func (p Parts) title() string { return "proa " + p.Version }

// slot has the parts of a slot.
type slot struct {
	kernel, initrd, root tree.Content
	info                 RootInfo
}

func (p Parts) slot() (s slot, err error) {
	text, err := os.ReadFile(filepath.Join(p.Root, "root.json"))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s.info); err != nil {
		return s, fmt.Errorf("root.json: %w", err)
	}
	vmlinuz := "vmlinuz"
	if p.Board.Unpacks() {
		vmlinuz += ".gz"
	}
	for file, to := range map[string]*tree.Content{
		filepath.Join(p.Kernel, vmlinuz): &s.kernel, filepath.Join(p.Initramfs, "initrd"): &s.initrd, filepath.Join(p.Root, "root.img"): &s.root,
	} {
		if *to, err = tree.HostFile(file); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Cmdline returns the kernel command line of a board without the parameters for one kind of image. panic=10: restart
// after a kernel panic; loglevel=4: warnings and worse, PID 1 prints the rest. transparent_hugepage=never: with
// Debian's "always", half-used huge pages and their reserve took 267 of the 683 MB that a Ready node of 3 GiB used.
func Cmdline(b boards.Board, mode string, info RootInfo) string {
	var words []string
	for _, c := range b.Console {
		words = append(words, "console="+c)
	}
	words = append(words, "panic=10", "loglevel=4", "transparent_hugepage=never", "proa.mode="+mode, "proa.board="+b.Name,
		"proa.roothash="+info.RootHash, fmt.Sprintf("proa.rootsize=%d", info.RootSize))
	return strings.Join(words, " ")
}

// efi reads systemd-boot. Its file name is EFIName in lower case with the prefix "systemd-".
func (p Parts) efi() ([]byte, error) {
	suffix := strings.ToLower(strings.TrimPrefix(p.Board.EFIName, "BOOT"))
	return os.ReadFile(filepath.Join(p.Loaders, systemdBoot, "systemd-boot"+suffix))
}
