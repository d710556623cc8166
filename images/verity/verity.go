// Package verity writes dm-verity hash trees in the format veritysetup writes (version 1, sha256,
// 4096-byte blocks) and reads the superblock back.
package verity

import (
	"errors"
	"io"
)

// Params is what the superblock says.
type Params struct {
	Algorithm  string
	UUID       [16]byte
	DataBlocks uint64
	BlockSize  uint32
	Salt       []byte
	HashOffset int64 // byte offset of the superblock; the tree starts one block later
}

// Write reads size bytes (a multiple of 4096) of data and writes superblock and tree to dst: the bytes
// that stand directly behind the data. It returns the root hash.
func Write(dst io.Writer, data io.Reader, size int64, salt []byte, uuid [16]byte) (root []byte, err error) {
	return nil, errTodo
}

// Size is the length of what Write writes for data of size bytes.
func Size(size int64) int64 { return 0 }

// ReadParams reads the superblock at offset (proa.rootsize).
func ReadParams(r io.ReaderAt, offset int64) (Params, error) { return Params{}, errTodo }

// Target is the device-mapper table row ("verity" target parameters) for data and tree on one device.
func (p Params) Target(device, rootHash string) string { return "" }

// Sectors is the length of the mapped device in 512-byte sectors.
func (p Params) Sectors() uint64 { return 0 }

var errTodo = errors.New("todo")
