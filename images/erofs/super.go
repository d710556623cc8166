package erofs

import (
	"hash/crc32"
	"time"
)

// superStart is the offset of the superblock, superSize its length.
const (
	superStart = 1024
	superSize  = 128
	superMagic = 0xE0F5E1E2
	blockBits  = 12 // log2 of the block size
)

// Features of an image (EROFS_FEATURE_…).
const (
	compatChecksum, compatTime     = 1, 2
	zeroPadding, compressionConfig = 1, 2 // the second one also stands for clusters of several blocks
)

// uuid of every image: the content is what distinguishes two root images, and its verity hash says which.
var uuid = [16]byte{'p', 'r', 'o', 'a', 'r', 'o', 'O', 't', 0x80, 15: 1}

// super is what the superblock says.
type super struct {
	when    time.Time
	root    int64 // number of the root directory's inode
	inodes  int
	blocks  int64
	encoder encoder
}

// superEnd returns the offset of the first inode.
func superEnd(e encoder) int64 {
	end := int64(superStart + superSize)
	if e.compress != nil {
		end += 2 + int64(len(e.config))
	}
	return (end + compactSize - 1) / compactSize * compactSize
}

// put writes the superblock into an image that has everything else in its first block.
func (s super) put(image []byte) {
	b := image[superStart:BlockSize]
	le.PutUint32(b, superMagic)
	le.PutUint32(b[8:], compatChecksum|compatTime)
	b[12] = blockBits
	le.PutUint16(b[14:], uint16(s.root))
	le.PutUint64(b[16:], uint64(s.inodes))
	le.PutUint64(b[24:], uint64(s.when.Unix()))
	le.PutUint32(b[36:], uint32(s.blocks))
	copy(b[48:], uuid[:])
	if s.encoder.compress != nil {
		le.PutUint32(b[80:], zeroPadding|compressionConfig)
		le.PutUint16(b[84:], 1<<s.encoder.algorithm)
		le.PutUint16(b[superSize:], uint16(len(s.encoder.config)))
		copy(b[superSize+2:], s.encoder.config)
	}
	// The kernel's crc32c is not inverted at the end.
	le.PutUint32(b[4:], ^crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}
