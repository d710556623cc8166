// Package uboot has what boards need that boot with U-Boot: the encoding of their boot state, the script that reads it
// and chooses the slot, each slot's own script, and the image header that U-Boot wants before a script.
//
// The boot state is two sectors of a raw partition, because U-Boot's FAT driver writes FAT metadata when it writes a
// file. U-Boot can read values from memory as strings or as hexadecimal numbers, and it has a CRC command. Therefore
// each value is one letter followed by a zero byte, at a fixed offset, and the sector ends in a CRC.
//
// The package does no I/O. It does not contain U-Boot itself, and makes no FIT images but those of scripts.
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
	// Size of one copy: one sector, which a write changes as a whole.
	Size = 512
	// Apart is the distance between the copies: no page of an erase unit or of a cache contains both.
	Apart = 64 << 10
	// StateSize is the minimum size of the partition.
	StateSize = Apart + Size

	// Magic is the string a copy begins with; it ends in the version of this format.
	Magic = "proa-state-1"
	// Offsets of the values. Each has a zero byte behind it.
	seqAt, goodAt, tryAt, leftAt = 0x10, 0x12, 0x14, 0x16
	// crcAt is the offset of the CRC-32 of everything before it. It is big-endian, as the crc32 command of most U-Boots
	// stores it (crc32_wd_buf in lib/crc32.c). A U-Boot without FIT images stores it in the byte order of the machine;
	// boot.cmd swaps it.
	crcAt = Size - 4
)

// Offset returns where copy 0 or 1 begins in the partition.
func Offset(i int) int64 { return int64(i) * Apart }

// Encoding returns the encoding of this package.
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
		return bootstate.State{}, fmt.Errorf("uboot: boot state of %d bytes", len(b))
	}
	if binary.BigEndian.Uint32(b[crcAt:]) != crc32.ChecksumIEEE(b[:crcAt]) {
		return bootstate.State{}, errors.New("uboot: checksum mismatch in the boot state")
	}
	if text(b) != Magic {
		return bootstate.State{}, fmt.Errorf("uboot: unknown format of boot state: %q", b[:seqAt])
	}
	said := ""
	for _, at := range []int{seqAt, goodAt, tryAt, leftAt} {
		if b[at+1] != 0 {
			return bootstate.State{}, fmt.Errorf("uboot: invalid value %q in the boot state", b[at:at+2])
		}
		said += string(b[at : at+1])
	}
	s, err := bootstate.Parse(said)
	if err != nil {
		return bootstate.State{}, fmt.Errorf("uboot: %w", err)
	}
	return s, nil
}

// text returns the zero-terminated string at the begin of b, as U-Boot reads it.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// Fresh returns the initial content of a new image's state partition: slot is on trial.
func Fresh(slot layout.Slot) []byte {
	b, first := make([]byte, StateSize), bootstate.First(slot)
	copy(b, Encode(first))
	copy(b[Offset(1):], Encode(first.Older()))
	return b
}
