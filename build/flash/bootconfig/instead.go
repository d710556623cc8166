package bootconfig

import (
	"io"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// The identifier of a volume descriptor, the first of which is in sector 16 (ECMA-119, 8.1.2).
const (
	isoAt    = 16*2048 + 1
	isoMagic = "CD001"
)

// others are file types that users pass instead of a disk image, by magic bytes at an offset, with what to do.
var others = []struct {
	at    int64
	magic string
	is    string
}{
	{isoAt, isoMagic, "it is an ISO and no disk image"},
	{0, slotfile.ManifestName + "\x00", "it is a slot file, which holds no configuration: a device keeps its own; take a disk image (`make disk`)"},
	{0, "\x28\xb5\x2f\xfd", "it is compressed; unpack it by `zstd -d FILE`"},
	{0, "\x1f\x8b", "it is compressed; unpack it by `gunzip FILE`"},
	{0, "\xfd7zXZ\x00", "it is compressed; unpack it by `xz -d FILE`"},
	{0, "QFI\xfb", "it is a QCOW2 image; make it raw by `qemu-img convert -O raw FILE disk.img`"},
	{82, "FAT32   ", "it is a file system and not a whole disk; mount it and edit config.yaml"},
	{layout.Sector, "EFI PART", ""}, // a damaged GPT: the reader's error is the cause
	{510, "\x55\xaa", "it has another kind of partition table (MBR); proa's disk images have a GPT"},
}

// instead returns what a file without proa's partition table is, if it is recognised.
func instead(img io.ReaderAt) (is string, known bool) {
	for _, o := range others {
		if hasAt(img, o.at, o.magic) {
			return o.is, o.is != ""
		}
	}
	return "", false
}

// isISO says whether something is an ISO 9660 image.
func isISO(img io.ReaderAt) bool { return hasAt(img, isoAt, isoMagic) }

func hasAt(img io.ReaderAt, at int64, magic string) bool {
	b := make([]byte, len(magic))
	_, err := img.ReadAt(b, at)
	return err == nil && string(b) == magic
}
