package gpt

import (
	"encoding/binary"
	"fmt"

	"github.com/proa-os/proa/images/layout"
)

// An MBR has four entries of 16 bytes from 446 on.
const (
	mbrTable = 446
	mbrEntry = 16
	mbrSize  = 512

	typeFAT32      = 0x0c // with LBA addressing
	typeProtective = 0xee
)

// Hybrid puts the boot partition into the MBR as well, for boot ROMs that know no GPT: Raspberry Pi's before the Pi 4. The
// protective entry behind it covers the GPT only; Linux and U-Boot take such a disk for GPT as long as that entry begins at
// sector 1. Call it after Write.
func Hybrid(d Disk, t layout.Table) error {
	p, err := t.Find(layout.Boot, layout.Shared)
	if err != nil {
		return fmt.Errorf("gpt: hybrid: %w", err)
	}
	table := make([]byte, 4*mbrEntry)
	putEntry(table[:mbrEntry], typeFAT32, uint32(p.FirstLBA()), uint32(p.Size/layout.Sector))
	putEntry(table[mbrEntry:], typeProtective, 1, uint32(t[0].FirstLBA()-1))
	_, err = d.WriteAt(table, mbrTable)
	return err
}

// putEntry leaves cylinder, head and sector beyond what they can say: readers fall back to the LBA fields.
func putEntry(e []byte, kind byte, start, sectors uint32) {
	copy(e, []byte{0, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff})
	binary.LittleEndian.PutUint32(e[8:], start)
	binary.LittleEndian.PutUint32(e[12:], sectors)
}

// isHybrid says whether the MBR names more than the GPT.
func isHybrid(d Disk) (bool, error) {
	mbr := make([]byte, mbrSize)
	if _, err := d.ReadAt(mbr, 0); err != nil {
		return false, err
	}
	for at := mbrTable; at < mbrTable+4*mbrEntry; at += mbrEntry {
		if kind := mbr[at+4]; kind != 0 && kind != typeProtective {
			return true, nil
		}
	}
	return false, nil
}

// keepMBR drops what is written to the first sector. A hybrid table does not depend on the size of the disk, and at no moment
// may a boot ROM find another one.
type keepMBR struct{ Disk }

func (k keepMBR) WriteAt(b []byte, off int64) (int, error) {
	skip := min(max(0, mbrSize-off), int64(len(b)))
	if skip == int64(len(b)) {
		return len(b), nil
	}
	n, err := k.Disk.WriteAt(b[skip:], off+skip)
	return int(skip) + n, err
}
