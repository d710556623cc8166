package gpt

import (
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
)

// Hybrid writes a hybrid MBR, in which the boot partition has an entry as well, for boot ROMs that do not read GPT:
// Raspberry Pi's before the Pi 4. The protective entry then covers only the GPT; Linux and U-Boot still take the disk
// for GPT as long as that entry begins at sector 1. Call it after Write.
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

// hybrid says whether the MBR has entries besides the protective one.
func hybrid(record []byte) bool {
	for _, kind := range mbr.Types(record) {
		if kind != 0 && kind != mbr.Protective {
			return true
		}
	}
	return false
}
