// Package verity writes dm-verity hash trees in the format of veritysetup (format 1, sha256, blocks of 4096 bytes) and
// reads the superblock, from which the device-mapper table is made. It does not verify data: the kernel does.
package verity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

// BlockSize is the block size of data and tree.
const BlockSize = 4096

const (
	digest   = sha256.Size
	perBlock = BlockSize / digest
	magic    = "verity\x00\x00"
	maxSalt  = 256
)

// Root is what a root image is verified by: the root of its hash tree, and the size of the image, behind which the tree
// lies. Both are on the kernel command line.
type Root struct {
	Hash string `json:"roothash"` // hexadecimal
	Size int64  `json:"rootsize"` // bytes
}

// Write reads size bytes of data (a multiple of BlockSize) and writes what follows the data on the disk: a block with
// the superblock, then the tree from its top level down. It returns the root hash. The tree, less than a hundredth of
// the data, is kept in memory.
func Write(dst io.Writer, data io.Reader, size int64, salt []byte, uuid [16]byte) (root []byte, err error) {
	if size <= 0 || size%BlockSize != 0 || len(salt) > maxSalt {
		return nil, fmt.Errorf("verity: %d bytes of data, %d of salt", size, len(salt))
	}
	level, root, err := hashLevel(io.LimitReader(data, size), size/BlockSize, salt)
	if err != nil {
		return nil, fmt.Errorf("verity: %w", err)
	}
	var levels [][]byte
	for len(level) > 0 {
		levels = append(levels, level)
		if level, root, err = hashLevel(bytes.NewReader(level), int64(len(level)/BlockSize), salt); err != nil {
			return nil, fmt.Errorf("verity: %w", err)
		}
	}
	if _, err := dst.Write(superblock(size/BlockSize, salt, uuid)); err != nil {
		return nil, err
	}
	for i := len(levels) - 1; i >= 0; i-- {
		if _, err := dst.Write(levels[i]); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// hashLevel hashes n blocks. For a single block there is no level: its hash is the root hash.
func hashLevel(r io.Reader, n int64, salt []byte) (level, root []byte, err error) {
	h, block := sha256.New(), make([]byte, BlockSize)
	for range n {
		if _, err := io.ReadFull(r, block); err != nil {
			return nil, nil, err
		}
		h.Reset()
		h.Write(salt)
		h.Write(block)
		level = h.Sum(level)
	}
	if n == 1 {
		return nil, level, nil
	}
	if pad := len(level) % BlockSize; pad != 0 {
		level = append(level, make([]byte, BlockSize-pad)...)
	}
	return level, nil, nil
}

// Size returns the number of bytes that Write writes for size bytes of data.
func Size(size int64) int64 {
	total := int64(1)
	for n := size / BlockSize; n > 1; {
		n = (n + perBlock - 1) / perBlock
		total += n
	}
	return total * BlockSize
}

func superblock(blocks int64, salt []byte, uuid [16]byte) []byte {
	b := make([]byte, BlockSize)
	le := binary.LittleEndian
	copy(b, magic)
	le.PutUint32(b[8:], 1)  // version of the superblock
	le.PutUint32(b[12:], 1) // hash type 1: the salt is hashed first
	copy(b[16:], uuid[:])
	copy(b[32:64], "sha256")
	le.PutUint32(b[64:], BlockSize)
	le.PutUint32(b[68:], BlockSize)
	le.PutUint64(b[72:], uint64(blocks))
	le.PutUint16(b[80:], uint16(len(salt)))
	copy(b[88:], salt)
	return b
}

// Params are the fields of the superblock.
type Params struct {
	UUID       [16]byte
	DataBlocks uint64
	Salt       []byte
	Offset     int64 // offset of the superblock in bytes; the tree starts one block later
}

// ReadParams reads the superblock at offset (proa.rootsize on the command line). It does not need to be trusted: the
// root hash on the command line proves the tree.
func ReadParams(r io.ReaderAt, offset int64) (Params, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, offset); err != nil {
		return Params{}, fmt.Errorf("verity: superblock at %d: %w", offset, err)
	}
	le := binary.LittleEndian
	salt := int(le.Uint16(b[80:]))
	p := Params{UUID: [16]byte(b[16:32]), DataBlocks: le.Uint64(b[72:]), Offset: offset}
	algorithm := string(bytes.TrimRight(b[32:64], "\x00"))
	switch {
	case string(b[:8]) != magic || le.Uint32(b[8:]) != 1 || le.Uint32(b[12:]) != 1:
		return Params{}, fmt.Errorf("verity: no superblock at %d", offset)
	case algorithm != "sha256" || le.Uint32(b[64:]) != BlockSize || le.Uint32(b[68:]) != BlockSize || salt > maxSalt:
		return Params{}, fmt.Errorf("verity: %s with blocks of %d and %d is not what proa writes", algorithm, le.Uint32(b[64:]), le.Uint32(b[68:]))
	case p.DataBlocks == 0 || int64(p.DataBlocks) > offset/BlockSize:
		return Params{}, fmt.Errorf("verity: %d data blocks before offset %d", p.DataBlocks, offset)
	}
	p.Salt = b[88 : 88+salt]
	return p, nil
}

// Sectors returns the length of the mapped device in 512-byte sectors.
func (p Params) Sectors() uint64 { return p.DataBlocks * (BlockSize / 512) }

// Target returns the parameters of the device-mapper target "verity" for data and tree on one device ("8:3" or a path).
// Reading a corrupt block fails with an I/O error; no other error mode is set.
func (p Params) Target(device, rootHash string) string {
	salt := "-"
	if len(p.Salt) > 0 {
		salt = hex.EncodeToString(p.Salt)
	}
	return fmt.Sprintf("1 %s %s %d %d %d %d sha256 %s %s",
		device, device, BlockSize, BlockSize, p.DataBlocks, p.Offset/BlockSize+1, rootHash, salt)
}
