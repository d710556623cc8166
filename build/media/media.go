// Package media puts the outputs of a build's steps together into what a person flashes: disk, SD card and ISO images. It reads
// directories and writes one file; it starts no programs, knows no steps and has no clock.
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

// Parts are the directories that other steps have filled, and what the image says about itself.
type Parts struct {
	Board     boards.Board
	Loaders   string // boot loaders of the architecture
	Firmware  string // what the board's own chain needs; empty: nothing
	GRUB      string // boot.img and core.img; empty: GRUB does not boot the board
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

// RootInfo is root.json: what the kernel command line must say about a root image.
type RootInfo struct {
	RootHash string `json:"roothash"`
	RootSize int64  `json:"rootsize"` // of the file system; the verity superblock stands there
}

// seed makes GUIDs differ between boards and kinds, and between releases of one.
func (p Parts) seed(kind string) string {
	return "proa " + p.Board.Name + " " + kind + " " + p.Version
}

func (p Parts) title() string { return "proa " + p.Version }

// slot is what a slot consists of.
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
	if p.Board.UBoot.Start == "booti" || p.Board.Tryboots() { // U-Boot and Raspberry Pi's firmware unpack it
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

// Cmdline is the kernel command line of a board without what only one kind of image needs. panic=10: a
// kernel that died must not wait for a person; loglevel=4: warnings and worse, PID 1 says the rest.
// transparent_hugepage=never: with Debian's "always", half-used huge pages and the reserve they bring took 267 of the 683 MB
// that a Ready node of 3 GiB used.
func Cmdline(b boards.Board, mode string, info RootInfo) string {
	var words []string
	for _, c := range b.Console {
		words = append(words, "console="+c)
	}
	words = append(words, "panic=10", "loglevel=4", "transparent_hugepage=never", "proa.mode="+mode, "proa.board="+b.Name,
		"proa.roothash="+info.RootHash, fmt.Sprintf("proa.rootsize=%d", info.RootSize))
	return strings.Join(words, " ")
}

// efi reads systemd-boot. Its file name differs from EFIName only in case and prefix.
func (p Parts) efi() ([]byte, error) {
	suffix := strings.ToLower(strings.TrimPrefix(p.Board.EFIName, "BOOT"))
	return os.ReadFile(filepath.Join(p.Loaders, systemdBoot, "systemd-boot"+suffix))
}
