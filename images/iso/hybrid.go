package iso

import (
	"encoding/binary"
	"fmt"

	"github.com/proa-os/proa/images/layout"
)

// Fields of isohdpfx.bin, which isohybrid fills in.
const (
	isolinuxLBA = 432 // of isolinux.bin in 512-byte sectors
	diskID      = 440
	mbrTable    = 446
	mbrBytes    = 512
)

// makeHybrid makes the image a disk as well: an MBR whose code loads isolinux.bin, one active partition over
// everything (BIOSes want one), and the ESP as the partition UEFI looks for. The image is padded to whole
// MiB, because BIOSes guess the geometry from the end of the first partition.
func (t *toc) makeHybrid(img Image, s Spec) error {
	if len(s.BIOS.HybridMBR) > mbrTable {
		return fmt.Errorf("isohdpfx.bin of %d bytes is none", len(s.BIOS.HybridMBR))
	}
	t.size = (t.size + layout.MiB - 1) / layout.MiB * layout.MiB
	mbr := make([]byte, mbrBytes)
	copy(mbr, s.BIOS.HybridMBR)
	le := binary.LittleEndian
	if s.hasBIOS() {
		le.PutUint64(mbr[isolinuxLBA:], uint64(t.extents[isolinuxBin]/layout.Sector))
	}
	le.PutUint32(mbr[diskID:], serial(s, "mbr"))
	esp := t.extents[espFile] / layout.Sector
	for i, p := range []struct {
		active, kind byte
		start, size  int64
	}{
		{0x80, 0x17, 0, t.size / layout.Sector}, // hidden NTFS: a type no system mounts by itself
		{0x00, 0xef, esp, t.lengths[espFile] / layout.Sector},
	} {
		e := mbr[mbrTable+16*i:]
		// Cylinder, head and sector beyond what they can say: readers fall back to the LBA fields.
		copy(e, []byte{p.active, 0xfe, 0xff, 0xff, p.kind, 0xfe, 0xff, 0xff})
		le.PutUint32(e[8:], uint32(p.start))
		le.PutUint32(e[12:], uint32(p.size))
	}
	mbr[510], mbr[511] = 0x55, 0xaa
	_, err := img.WriteAt(mbr, 0)
	return err
}
