// Package disk writes whole disk images: partition table, boot partition, root slots, BIOS boot code.
package disk

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// Contents is what lies in the partitions.
type Contents struct {
	Seed string                       // GUIDs and the FAT serial number are derived from it
	When time.Time                    // of the files of the boot partition
	Boot []tree.Entry                 // bootfs.Files
	Root map[layout.Slot]tree.Content // EROFS image with its verity tree behind; a missing slot stays zero
	GRUB *GRUB                        // nil: no BIOS boot
}

// GRUB is its boot.img (one sector) and core.img as grub-mkimage makes them.
type GRUB struct{ BootImg, CoreImg []byte }

// Image is what Write writes to: an empty (sparse) file opened for reading and writing.
type Image interface {
	io.ReaderAt
	io.WriterAt
}

// Write writes an image of size bytes, leaving holes where there is nothing. progress may be nil.
func Write(img Image, size int64, t layout.Table, c Contents, progress func(done, total int64)) error {
	return errTodo
}

// CoreConfig is the script to build into core.img (grub-mkimage -c): it finds the boot partition.
func CoreConfig() []byte { return nil }

// CoreModules are the GRUB modules core.img needs.
func CoreModules() []string { return nil }

var errTodo = errors.New("todo")
