// Package mbr writes single entries of a master boot record, for firmware that does not read GPT. It keeps no table:
// callers decide which entries there are, and write boot code and signature themselves.
package mbr

import "encoding/binary"

// Layout of the record: one sector with boot code, four entries of 16 bytes, and a signature of two bytes (UEFI
// Specification 2.10, 5.2.1).
const (
	Size       = 512
	Table      = 446
	Entries    = 4
	EntrySize  = 16
	SectorsAt  = 12 // of an entry: its size in sectors, 32 bits
	typeAt     = 4
	FAT32      = 0x0c // with LBA addressing
	HiddenNTFS = 0x17 // a partition type that no system mounts automatically
	ESP        = 0xef
	Protective = 0xee // protective entry of a GPT disk
)

// Entry is one partition; First and Sectors count sectors of 512 bytes.
type Entry struct {
	Active         bool
	Type           byte
	First, Sectors uint32
}

// Put writes the entry at index n, from 0, of a record. The CHS fields get their maximum, since they cannot express
// these addresses: readers then use the LBA fields.
func (e Entry) Put(record []byte, n int) {
	b := record[Table+n*EntrySize:][:EntrySize]
	copy(b, []byte{0, 0xfe, 0xff, 0xff, e.Type, 0xfe, 0xff, 0xff})
	if e.Active {
		b[0] = 0x80
	}
	binary.LittleEndian.PutUint32(b[8:], e.First)
	binary.LittleEndian.PutUint32(b[SectorsAt:], e.Sectors)
}

// Types returns the partition types of the record's entries, 0 for an unused one.
func Types(record []byte) (types [Entries]byte) {
	for n := range types {
		types[n] = record[Table+n*EntrySize+typeAt]
	}
	return types
}
