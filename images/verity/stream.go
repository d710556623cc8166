package verity

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// Tree computes a hash tree while its data is written to it, for data that is made once and not kept. It keeps the
// lowest level of the tree in memory, a 128th of the data.
type Tree struct {
	size  int64
	salt  []byte
	uuid  [16]byte
	level []byte // of whole blocks
	block []byte // the last one, incomplete
	sum   hash.Hash
}

// NewTree returns a tree for size bytes of data, a multiple of BlockSize. See Write.
func NewTree(size int64, salt []byte, uuid [16]byte) (*Tree, error) {
	if size <= 0 || size%BlockSize != 0 || len(salt) > maxSalt {
		return nil, fmt.Errorf("verity: %d bytes of data, %d of salt", size, len(salt))
	}
	full := (size/BlockSize + perBlock - 1) / perBlock * BlockSize
	return &Tree{size: size, salt: salt, uuid: uuid, level: make([]byte, 0, full), block: make([]byte, 0, BlockSize), sum: sha256.New()}, nil
}

// Write takes the next data. It refuses more than the tree is for.
func (t *Tree) Write(b []byte) (int, error) {
	if t.Size()+int64(len(b)) > t.size {
		return 0, fmt.Errorf("verity: more than %d bytes of data", t.size)
	}
	for rest := b; len(rest) > 0; {
		n := copy(t.block[len(t.block):BlockSize], rest)
		t.block, rest = t.block[:len(t.block)+n], rest[n:]
		if len(t.block) == BlockSize {
			t.level = t.hash(t.level)
			t.block = t.block[:0]
		}
	}
	return len(b), nil
}

// hash appends the hash of the block.
func (t *Tree) hash(to []byte) []byte {
	t.sum.Reset()
	t.sum.Write(t.salt)
	t.sum.Write(t.block)
	return t.sum.Sum(to)
}

// Size returns how many bytes were written.
func (t *Tree) Size() int64 { return int64(len(t.level)/digest*BlockSize + len(t.block)) }

// Truncate forgets what was written from size on, a multiple of BlockSize.
func (t *Tree) Truncate(size int64) error {
	if size < 0 || size > t.Size() || size%BlockSize != 0 {
		return fmt.Errorf("verity: %d bytes of %d cannot be kept", size, t.Size())
	}
	t.level, t.block = t.level[:size/BlockSize*digest], t.block[:0]
	return nil
}

// Finish returns what follows the data on the disk, and the root hash. The tree must have all data, and is of no use
// afterwards.
func (t *Tree) Finish() (tree io.Reader, root []byte, err error) {
	if t.Size() != t.size {
		return nil, nil, fmt.Errorf("verity: %d bytes of data, %d expected", t.Size(), t.size)
	}
	if t.size == BlockSize {
		return bytes.NewReader(superblock(1, t.salt, t.uuid)), t.level, nil
	}
	level := t.level[:cap(t.level)] // the rest is zero, unless it was truncated
	clear(level[len(t.level):])
	parts := []io.Reader{}
	for len(level) > 0 {
		parts = append([]io.Reader{bytes.NewReader(level)}, parts...)
		if level, root, err = hashLevel(bytes.NewReader(level), int64(len(level)/BlockSize), t.salt); err != nil {
			return nil, nil, fmt.Errorf("verity: %w", err)
		}
	}
	head := bytes.NewReader(superblock(t.size/BlockSize, t.salt, t.uuid))
	return io.MultiReader(append([]io.Reader{head}, parts...)...), root, nil
}
