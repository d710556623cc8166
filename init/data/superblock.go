package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// superblock has the fields of ext4's superblock that identify it (Documentation/filesystems/ext4/super.rst).
type superblock struct {
	raw   []byte
	block int64 // block it was read from; 0: the primary superblock
}

const (
	superblockAt = 1024
	superblockOf = 1024 // offset in bytes
)

func (s superblock) blockSize() int64 {
	return 1024 << min(binary.LittleEndian.Uint32(s.raw[0x18:]), 6)
}

// size returns the size of the file system in bytes.
func (s superblock) size() int64 {
	blocks := int64(binary.LittleEndian.Uint32(s.raw[0x04:])) | int64(binary.LittleEndian.Uint32(s.raw[0x150:]))<<32
	return blocks * s.blockSize()
}

// label returns the volume label.
func (s superblock) label() string { return strings.TrimRight(string(s.raw[0x78:0x88]), "\x00") }

var errNotExt4 = errors.New("no ext4 superblock")

func readSuperblock(r io.ReaderAt, at int64) (superblock, error) {
	s := superblock{raw: make([]byte, superblockOf)}
	if _, err := r.ReadAt(s.raw, at); err != nil {
		return s, err
	}
	if binary.LittleEndian.Uint16(s.raw[0x38:]) != 0xef53 {
		return s, errNotExt4
	}
	return s, nil
}

// inspect returns the superblock of proa's file system, or a backup superblock if the primary one is damaged; otherwise
// an error that says what is there.
func inspect(r io.ReaderAt) (superblock, error) {
	s, err := readSuperblock(r, superblockAt)
	switch {
	case err == nil && s.label() != layout.DataLabel:
		return s, fmt.Errorf("holds an ext4 file system called %q, not %s", s.label(), layout.DataLabel)
	case err == nil:
		return s, nil
	case !errors.Is(err, errNotExt4):
		return s, err
	}
	if s, ok := findCopy(r); ok {
		return s, nil
	}
	head := make([]byte, 64<<10)
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return s, err
	}
	if sparse.IsZero(head) {
		return s, errors.New("no file system, it begins with zeros; but the partition is not marked as new")
	}
	return s, fmt.Errorf("not ext4: it begins with % x", head[:16])
}

// copyGroups are the block groups in which ext4 keeps backup superblocks: 1 and powers of 3, 5 and 7 (sparse_super).
var copyGroups = []int64{1, 3, 5, 7, 9, 25, 27, 49, 81}

// findCopy searches for backup superblocks with the block sizes that mkfs uses: 4096 bytes, and 1024 on small disks. A
// backup contains its own group number, so that an image inside a file is not taken for one.
func findCopy(r io.ReaderAt) (superblock, bool) {
	for _, group := range copyGroups {
		for _, size := range []int64{4096, 1024, 2048} {
			block := group * size * 8
			if size == 1024 {
				block++ // with 1024-byte blocks group 0 begins at block 1
			}
			s, err := readSuperblock(r, block*size)
			if err == nil && s.blockSize() == size && s.label() == layout.DataLabel && int64(binary.LittleEndian.Uint16(s.raw[0x5a:])) == group {
				s.block = block
				return s, true
			}
		}
	}
	return superblock{}, false
}
