// Package mbr writes single entries of a master boot record, for what must be found by those who know no GPT. It refuses to keep
// a table: which entries there are is for the callers, and so are boot code and signature.
package mbr

import "encoding/binary"

// A record is one sector: boot code, four entries of 16 bytes, a signature of two (UEFI Specification 2.10, 5.2.1).
const (
	Size       = 512
	Table      = 446
	Entries    = 4
	EntrySize  = 16
	SectorsAt  = 12 // of an entry: its number of sectors, 32 bits
	typeAt     = 4
	FAT32      = 0x0c // with LBA addressing
	HiddenNTFS = 0x17 // a type no system mounts by itself
	ESP        = 0xef
	Protective = 0xee // over a GPT
)

// Entry is one row; First and Sectors count 512 bytes each.
type Entry struct {
	Active         bool
	Type           byte
	First, Sectors uint32
}

// Put writes the entry as the n-th, from 0, of a record or a longer piece that begins with one. Cylinder, head and sector are
// beyond what they can say: readers fall back to the LBA fields.
func (e Entry) Put(record []byte, n int) {
	b := record[Table+n*EntrySize:][:EntrySize]
	copy(b, []byte{0, 0xfe, 0xff, 0xff, e.Type, 0xfe, 0xff, 0xff})
	if e.Active {
		b[0] = 0x80
	}
	binary.LittleEndian.PutUint32(b[8:], e.First)
	binary.LittleEndian.PutUint32(b[SectorsAt:], e.Sectors)
}

// Types are those of a record's entries, 0 where there is none.
func Types(record []byte) (types [Entries]byte) {
	for n := range types {
		types[n] = record[Table+n*EntrySize+typeAt]
	}
	return types
}
