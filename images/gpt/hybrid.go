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

// hybrid says whether the MBR names more than the GPT.
func hybrid(record []byte) bool {
	for _, kind := range mbr.Types(record) {
		if kind != 0 && kind != mbr.Protective {
			return true
		}
	}
	return false
}
