// Package iso writes the hybrid live image: CD and USB disk, BIOS (isolinux) and UEFI (systemd-boot). go-diskfs lays
// out ISO 9660 with Rock Ridge and El Torito; patch.go corrects times and owners, which go-diskfs takes from the host,
// and adds the partition table. It writes this one tree only, without Joliet.
package iso

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

// Paths that other programs look for.
const (
	RootImage = "proa/root.img" // EROFS image followed by its verity tree

	// ESPFile is the EFI system partition, which has KernelFile, InitrdFile and EFIDir/NAME of the Spec.
	ESPFile = "boot/esp.img"
	EFIDir  = "EFI/BOOT"

	isolinuxBin = "isolinux/isolinux.bin"
)

// Spec describes an ISO.
type Spec struct {
	Label   string // volume label: layout.ISOLabel
	Title   string // shown in the boot menu
	Seed    string // volume serial numbers are derived from it
	When    time.Time
	Cmdline string
	Kernel  tree.Content
	Initrd  tree.Content
	Root    tree.Content
	Config  []byte
	UEFI    UEFI
	BIOS    BIOS
	// Installer has the files that only the installer reads, below proa/; each smaller than 1 MiB.
	Installer []tree.Entry
}

// UEFI is the systemd-boot part of the image.
type UEFI struct {
	SystemdBoot []byte
	EFIName     string // file name that firmware looks for: "BOOTX64.EFI"
}

// BIOS has isolinux.bin, ldlinux.c32 and isohdpfx.bin; all empty for machines without BIOS.
type BIOS struct{ Isolinux, Ldlinux, HybridMBR []byte }

// Image is the output of Write: an empty (sparse) file opened for reading and writing, of at least MaxSize(s) bytes.
// The caller truncates it to the size that Write returns.
type Image = sparse.ReadWriterAt

// Progress is called with the number of bytes written; it may be nil.
type Progress func(done, total int64)

// Write writes the image and returns its size. A skeleton of the tree is made in tempDir, by default the system's, and
// removed.
func Write(img Image, s Spec, tempDir string, progress Progress) (size int64, err error) {
	esp, err := espImage(s)
	if err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	files := s.files(esp)
	if err := skeleton(img, s, files, tempDir); err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	t, err := normalise(img, s.When)
	if err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	if err := t.fill(img, files, progress); err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	if err := t.makeHybrid(img, s); err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	if err := PutConfig(img, s.Config); err != nil {
		return 0, fmt.Errorf("iso: %w", err)
	}
	return t.size, nil
}

// MaxSize returns an upper bound of the image's size.
func MaxSize(s Spec) int64 {
	sum := int64(8 * layout.MiB)
	for _, f := range s.files(make([]byte, espSize(s))) {
		sum += f.content.Size + sector
	}
	return sum
}

// file is one file of the tree. go-diskfs writes small ones; big ones are written in place afterwards.
type file struct {
	path    string
	content tree.Content
}

func (s Spec) files(esp []byte) []file {
	list := []file{{ESPFile, tree.Bytes(esp)}}
	if s.hasBIOS() {
		list = append(list,
			file{"boot/initrd", s.Initrd},
			file{"boot/vmlinuz", s.Kernel},
			file{isolinuxBin, tree.Bytes(s.BIOS.Isolinux)},
			file{"isolinux/isolinux.cfg", tree.Bytes(isolinuxConfig(s))},
			file{"isolinux/ldlinux.c32", tree.Bytes(s.BIOS.Ldlinux)})
	}
	for _, e := range s.Installer {
		list = append(list, file{e.Path, e.Content})
	}
	return append(list, file{layout.ConfigFile, tree.Bytes(room())}, file{RootImage, s.Root})
}

func (s Spec) hasBIOS() bool { return s.BIOS.Isolinux != nil }

// isolinuxConfig disables every way to change the command line: no prompt by Shift or Alt (NOESCAPE), no words after a
// label (ALLOWOPTIONS), no list of labels by Tab (NOCOMPLETE). systemd-boot's counterpart is "editor no".
func isolinuxConfig(s Spec) []byte {
	return fmt.Appendf(nil, "SERIAL 0 115200\nDEFAULT proa\nPROMPT 0\nNOESCAPE 1\nALLOWOPTIONS 0\nNOCOMPLETE 1\nTIMEOUT 0\nLABEL proa\n  LINUX /boot/vmlinuz\n  INITRD /boot/initrd\n  APPEND %s\n", s.Cmdline)
}

// serial returns a volume serial number that differs between images.
func serial(s Spec, what string) uint32 {
	sum := sha256.Sum256([]byte(what + "\x00" + s.Seed))
	return binary.LittleEndian.Uint32(sum[:])
}
