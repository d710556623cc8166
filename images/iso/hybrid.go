package iso

import (
	"encoding/binary"
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
)

// Fields of isohdpfx.bin that isohybrid fills in.
const (
	isolinuxLBA = 432 // LBA of isolinux.bin in 512-byte sectors
	diskID      = 440
)

// makeHybrid makes the image bootable as a disk: an MBR whose code loads isolinux.bin, one active partition over the
// whole image (BIOSes want one), and the ESP as a partition for UEFI. The image is padded to whole MiB, because BIOSes
// guess the geometry from the end of the first partition.
func (t *toc) makeHybrid(img Image, s Spec) error {
	if len(s.BIOS.HybridMBR) > mbr.Table {
		return fmt.Errorf("isohdpfx.bin of %d bytes is none", len(s.BIOS.HybridMBR))
	}
	t.size = (t.size + layout.MiB - 1) / layout.MiB * layout.MiB
	record := make([]byte, mbr.Size)
	copy(record, s.BIOS.HybridMBR)
	le := binary.LittleEndian
	if s.hasBIOS() {
		le.PutUint64(record[isolinuxLBA:], uint64(t.extents[isolinuxBin]/layout.Sector))
	}
	le.PutUint32(record[diskID:], serial(s, "mbr"))
	mbr.Entry{Active: true, Type: mbr.HiddenNTFS, Sectors: uint32(t.size / layout.Sector)}.Put(record, 0)
	mbr.Entry{Type: mbr.ESP, First: uint32(t.extents[ESPFile] / layout.Sector), Sectors: uint32(t.lengths[ESPFile] / layout.Sector)}.Put(record, 1)
	record[510], record[511] = 0x55, 0xaa
	_, err := img.WriteAt(record, 0)
	return err
}
