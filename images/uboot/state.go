// Package uboot is what boards that boot by U-Boot need: their boot state, the script that reads it and chooses the slot, each
// slot's own script, and the header U-Boot wants before a script.
//
// The state is two sectors of a raw partition, because U-Boot's FAT driver moves metadata when it writes a file. U-Boot reads
// values out of memory as strings or as hexadecimal numbers and has a CRC command; so each value is one letter with a zero byte
// behind it, at a fixed offset, and the sector ends in a CRC.
//
// It does no input or output, writes no U-Boot, and no FIT images but those of scripts.
package uboot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/layout"
)

const (
	// Size of one copy: the sector that one write changes.
	Size = 512
	// Apart is how far the copies are from each other: no erase unit's page, and no page of a cache, holds both.
	Apart = 64 << 10
	// StateSize is the least the partition must have.
	StateSize = Apart + Size

	// Magic is the string a copy begins with; it ends in the version of this format.
	Magic = "proa-state-1"
	// Offsets of the values. Each has a zero byte behind it.
	seqAt, goodAt, tryAt, leftAt = 0x10, 0x12, 0x14, 0x16
	// crcAt is where the CRC-32 of everything before it lies, big-endian, as most U-Boots' crc32 command stores it
	// (crc32_wd_buf in lib/crc32.c). Those without FIT images store a number of the machine's; boot.cmd turns it round.
	crcAt = Size - 4
)

// Offset is where copy 0 or 1 begins in the partition.
func Offset(i int) int64 { return int64(i) * Apart }

// Encoding is this package's.
func Encoding() bootstate.Encoding { return bootstate.Encoding{Encode: Encode, Decode: Decode} }

// Encode returns a copy of Size bytes.
func Encode(s bootstate.State) []byte {
	b := make([]byte, Size)
	copy(b, Magic)
	said := s.String()
	b[seqAt], b[goodAt], b[tryAt], b[leftAt] = said[0], said[1], said[2], said[3]
	binary.BigEndian.PutUint32(b[crcAt:], crc32.ChecksumIEEE(b[:crcAt]))
	return b
}

// Decode reads a copy and accepts what boot.cmd accepts.
func Decode(b []byte) (bootstate.State, error) {
	if len(b) != Size {
		return bootstate.State{}, fmt.Errorf("uboot: a state of %d bytes", len(b))
	}
	if binary.BigEndian.Uint32(b[crcAt:]) != crc32.ChecksumIEEE(b[:crcAt]) {
		return bootstate.State{}, errors.New("uboot: the state's checksum is wrong")
	}
	if text(b) != Magic {
		return bootstate.State{}, fmt.Errorf("uboot: %q is no state of ours", b[:seqAt])
	}
	said := ""
	for _, at := range []int{seqAt, goodAt, tryAt, leftAt} {
		if b[at+1] != 0 {
			return bootstate.State{}, fmt.Errorf("uboot: %q is no value", b[at:at+2])
		}
		said += string(b[at : at+1])
	}
	s, err := bootstate.Parse(said)
	if err != nil {
		return bootstate.State{}, fmt.Errorf("uboot: %w", err)
	}
	return s, nil
}

// text is what U-Boot reads as a string.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// Fresh is what the partition of a new image begins with, whose slot is on trial.
func Fresh(slot layout.Slot) []byte {
	b, first := make([]byte, StateSize), bootstate.First(slot)
	copy(b, Encode(first))
	copy(b[Offset(1):], Encode(first.Older()))
	return b
}
