// Package fatdisk reads what the boot sector of a FAT32 and the entries of its directories say (Microsoft's FAT
// specification, sections 3 and 6). It refuses FAT12, FAT16 and sectors of other sizes than 512 bytes; it follows no
// clusters and writes nothing.
package fatdisk

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// EntrySize is the size of a directory entry in bytes.
const EntrySize = 32

// Attributes is the byte of an entry that has its kind; a part of a long name has the lower four bits.
const (
	Attributes = 11
	VolumeName = 0x08
	Directory  = 0x10
)

// EndOfChain is the least link of a last cluster.
const EndOfChain = 0x0ffffff8

// Volume is where the parts of a file system are, in bytes from its beginning.
type Volume struct {
	Tables  []int64 // copies of the allocation table; the first one counts
	Table   int64   // size of each
	Data    int64   // cluster 2, the first one
	Cluster int64   // size of a cluster
	Count   uint32  // clusters
	Root    uint32  // first cluster of the root directory
	End     int64   // of the file system
}

// ErrNone is returned for a boot sector of something else.
var ErrNone = errors.New("no FAT32 with sectors of 512 bytes")

// Parse reads a boot sector.
func Parse(b []byte) (v Volume, err error) {
	le := binary.LittleEndian
	if len(b) < layout.Sector || b[510] != 0x55 || b[511] != 0xaa || string(b[82:87]) != "FAT32" || le.Uint16(b[11:]) != layout.Sector {
		return v, ErrNone
	}
	reserved, fats, perFAT := int64(le.Uint16(b[14:])), int64(b[16]), int64(le.Uint32(b[36:]))
	v = Volume{Table: perFAT * layout.Sector, Cluster: int64(b[13]) * layout.Sector, Root: le.Uint32(b[44:]), End: int64(le.Uint32(b[32:])) * layout.Sector}
	for i := range fats {
		v.Tables = append(v.Tables, reserved*layout.Sector+i*v.Table)
	}
	v.Data = reserved*layout.Sector + fats*v.Table
	if reserved == 0 || fats == 0 || perFAT == 0 || v.Cluster == 0 || v.Data > v.End {
		return v, ErrNone
	}
	v.Count = uint32(min((v.End-v.Data)/v.Cluster, v.Table/4-2)) // the table has two entries before cluster 2
	return v, nil
}

// At returns where a cluster is.
func (v Volume) At(cluster uint32) int64 { return v.Data + int64(cluster-2)*v.Cluster }

// Link reads an entry of the allocation table: the next cluster, 0 if it is free, EndOfChain or more behind the last.
func Link(b []byte) uint32 { return binary.LittleEndian.Uint32(b) & 0x0fffffff } // the upper four bits are reserved

// First returns the first cluster of what a directory entry names; 0: it has none.
func First(e []byte) uint32 {
	return uint32(binary.LittleEndian.Uint16(e[20:]))<<16 | uint32(binary.LittleEndian.Uint16(e[26:]))
}

// ShortName returns the 8.3 name of an entry in small letters.
func ShortName(e []byte) string {
	base, ext := strings.TrimRight(string(e[:8]), " "), strings.TrimRight(string(e[8:11]), " ")
	return strings.ToLower(strings.TrimSuffix(base+"."+ext, "."))
}
