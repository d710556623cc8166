package gpt

import (
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
)

// Hybrid puts the boot partition into the MBR as well, for boot ROMs that know no GPT: Raspberry Pi's before the Pi 4. The
// protective entry behind it covers the GPT only; Linux and U-Boot take such a disk for GPT as long as that entry begins at
// sector 1. Call it after Write.
func Hybrid(d Disk, t layout.Table) error {
	p, err := t.Find(layout.Boot, layout.Shared)
	if err != nil {
		return fmt.Errorf("gpt: hybrid: %w", err)
	}
	record := make([]byte, mbr.Size)
	mbr.Entry{Type: mbr.FAT32, First: uint32(p.FirstLBA()), Sectors: uint32(p.Size / layout.Sector)}.Put(record, 0)
	mbr.Entry{Type: mbr.Protective, First: 1, Sectors: uint32(t[0].FirstLBA() - 1)}.Put(record, 1)
	_, err = d.WriteAt(record[mbr.Table:][:mbr.Entries*mbr.EntrySize], mbr.Table)
	return err
}

// isHybrid says whether the MBR names more than the GPT.
func isHybrid(d Disk) (bool, error) {
	record := make([]byte, mbr.Size)
	if _, err := d.ReadAt(record, 0); err != nil {
		return false, err
	}
	for _, kind := range mbr.Types(record) {
		if kind != 0 && kind != mbr.Protective {
			return true, nil
		}
	}
	return false, nil
}

// keepMBR drops what is written to the first sector. A hybrid table does not depend on the size of the disk, and at no moment
// may a boot ROM find another one.
type keepMBR struct{ Disk }

func (k keepMBR) WriteAt(b []byte, off int64) (int, error) {
	skip := min(max(0, mbr.Size-off), int64(len(b)))
	if skip == int64(len(b)) {
		return len(b), nil
	}
	n, err := k.Disk.WriteAt(b[skip:], off+skip)
	return int(skip) + n, err
}
