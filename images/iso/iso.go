// Package iso writes the hybrid live image: CD and USB disk, BIOS and UEFI.
package iso

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// Spec is an ISO.
type Spec struct {
	Label   string // volume label: layout.ISOLabel
	Title   string // shown in the boot menu
	Seed    string // GUIDs and serial numbers
	When    time.Time
	Cmdline string
	Kernel  tree.Content
	Initrd  tree.Content
	Root    tree.Content // EROFS image with its verity tree behind: /proa/root.img
	Config  []byte       // /config.yaml
	UEFI    UEFI
	BIOS    BIOS
}

// UEFI is systemd-boot.
type UEFI struct {
	SystemdBoot []byte
	EFIName     string // "BOOTX64.EFI"
}

// BIOS is isolinux's files.
type BIOS struct{ Isolinux, Ldlinux, HybridMBR []byte } // isolinux.bin, ldlinux.c32, isohdpfx.bin

// Image is what Write writes to: an empty file opened for reading and writing.
type Image interface {
	io.ReaderAt
	io.WriterAt
}

// Write writes the image and returns its size.
func Write(img Image, s Spec, progress func(done, total int64)) (size int64, err error) {
	return 0, errTodo
}

var errTodo = errors.New("todo")
