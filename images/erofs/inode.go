package erofs

import (
	"encoding/binary"
	"io/fs"

	"github.com/proa-os/proa/images/tree"
)

var le = binary.LittleEndian

// putInode writes the inode. The time is that of the image (epoch in the superblock) in the compact kind.
func (n *node) putInode(b []byte, when int64) {
	size := n.inodeSize()
	le.PutUint16(b, uint16(n.format<<1))
	le.PutUint16(b[4:], uint16(tree.UnixMode(n.Mode)))
	if size == compactSize {
		le.PutUint16(b[6:], uint16(n.links))
		le.PutUint32(b[8:], uint32(n.size))
		le.PutUint32(b[16:], n.where())
		le.PutUint32(b[20:], n.ino)
		le.PutUint16(b[24:], uint16(n.UID))
		le.PutUint16(b[26:], uint16(n.GID))
		return
	}
	b[0] |= 1
	le.PutUint64(b[8:], uint64(n.size))
	le.PutUint32(b[16:], n.where())
	le.PutUint32(b[20:], n.ino)
	le.PutUint32(b[24:], uint32(n.UID))
	le.PutUint32(b[28:], uint32(n.GID))
	le.PutUint64(b[32:], uint64(when))
	le.PutUint32(b[44:], uint32(n.links))
}

// where is the number of a device, how many blocks of clusters the file has, or its first block.
func (n *node) where() uint32 {
	switch {
	case n.Mode&fs.ModeDevice != 0:
		return device(n.Major, n.Minor)
	case n.format == compressed:
		return uint32(n.stored())
	}
	return uint32(n.start)
}

// device encodes a device number in 32 bits as Linux does (new_encode_dev).
func device(major, minor uint32) uint32 {
	return minor&0xff | major<<8 | minor&^0xff<<12
}

// Types of a block of content (Z_EROFS_LCLUSTER_TYPE_…).
const (
	asIs    = 0
	head    = 1
	nonHead = 2
)

const (
	bigClusters = 2       // Z_EROFS_ADVISE_BIG_PCLUSTER_1: clusters of type head have several blocks in the image
	blockCount  = 1 << 11 // Z_EROFS_LI_D0_CBLKCNT: the field has the number of the cluster's blocks in the image
)

// putIndexes writes what follows the inode of a compressed file: a header, and an index of each block of content.
func (n *node) putIndexes(b []byte, e encoder) {
	le.PutUint16(b[4:], bigClusters)
	b[6] = e.algorithm
	b = b[indexStart:]
	block, left := n.start, blocks(n.size)
	for _, stored := range n.clusters {
		count := min(left, Cluster/BlockSize)
		putCluster(b, int(count), stored, block)
		b, left, block = b[count*indexSize:], left-count, block+int64(stored)
	}
}

// putCluster writes the indexes of a cluster of count blocks that takes stored blocks of the image. A cluster that did
// not shrink becomes clusters of one block each, because one that is not compressed cannot have more without
// Z_EROFS_ADVISE_BIG_PCLUSTER_2.
func putCluster(b []byte, count, stored int, block int64) {
	if stored == count {
		for i := range count {
			putIndex(b[i*indexSize:], asIs, uint32(block)+uint32(i))
		}
		return
	}
	putIndex(b, head, uint32(block))
	for i := 1; i < count; i++ {
		back := i
		if i == 1 {
			back = blockCount | stored
		}
		putIndex(b[i*indexSize:], nonHead, uint32(back)|uint32(count-i)<<16)
	}
}

func putIndex(b []byte, kind uint16, value uint32) {
	le.PutUint16(b, kind)
	le.PutUint32(b[4:], value)
}
