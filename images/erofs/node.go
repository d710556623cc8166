package erofs

import (
	"fmt"
	"io/fs"
	"math"
	"path"

	"github.com/proa-os/proa/images/tree"
)

// The formats of data that images have (EROFS_INODE_…).
const (
	plain      = 0 // in whole blocks
	compressed = 1 // in clusters, with an index of 8 bytes for each block of content
	inline     = 2 // what does not fill a block is behind the inode
)

const (
	compactSize  = 32 // of an inode; also the unit of inode numbers
	extendedSize = 64
	indexStart   = 16 // of the indexes behind the inode: the header, and 8 bytes that are reserved
	indexSize    = 8
)

// node is an inode.
type node struct {
	tree.Entry
	ino      uint32
	parent   *node
	children []*node // of a directory, in no particular order
	size     int64   // of the data
	links    int
	format   int
	shrink   bool  // a large file is to be compressed
	at       int64 // of the inode in the image
	start    int64 // first block of the data
	clusters []int // of a large file, blocks of each cluster
}

func newNodes(entries []tree.Entry, shrink bool) ([]*node, error) {
	sorted, err := tree.Sort(entries)
	if err != nil {
		return nil, err
	}
	var nodes []*node
	dirs := map[string]*node{}
	for i, e := range sorted {
		n := &node{Entry: e, ino: uint32(i + 1), links: 1, shrink: shrink}
		if err := n.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		n.adopt(dirs)
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.measure()
	}
	return nodes, nil
}

// check refuses what the format cannot express.
func (n *node) check() error {
	switch {
	case len(path.Base(n.Path)) > 255:
		return fmt.Errorf("a name of %d bytes", len(path.Base(n.Path)))
	case len(n.Target) >= BlockSize:
		return fmt.Errorf("a symbolic link of %d bytes", len(n.Target))
	case n.UID < 0 || int64(n.UID) > math.MaxUint32 || n.GID < 0 || int64(n.GID) > math.MaxUint32:
		return fmt.Errorf("owner %d:%d", n.UID, n.GID)
	}
	return nil
}

// adopt enters the node in its directory. Parents come before their children.
func (n *node) adopt(dirs map[string]*node) {
	n.parent = n // the root's parent is itself
	if n.Path != "." {
		n.parent = dirs[path.Dir(n.Path)]
		n.parent.children = append(n.parent.children, n)
	}
	if n.Mode.IsDir() {
		dirs[n.Path] = n
		n.links = 2
		n.parent.links++ // the root has three for now
	}
	if n.Path == "." {
		n.links = 2
	}
}

// measure sets size and format, which depend on names and sizes alone: so the place of everything but clusters is known
// before the first one is encoded.
func (n *node) measure() {
	switch n.Mode.Type() {
	case fs.ModeDir:
		n.size = int64(len(n.directory()))
	case fs.ModeSymlink:
		n.size = int64(len(n.Target))
	case 0:
		n.size = n.Content.Size
	}
	tail := n.size % BlockSize
	switch {
	case n.large() && n.shrink:
		n.format = compressed
	case !n.large() && tail > 0 && tail <= BlockSize-n.inodeSize():
		n.format = inline
	}
}

// large says whether the node is a file with a region of its own.
func (n *node) large() bool { return n.Mode.IsRegular() && n.size > BlockSize }

// flatBlocks returns how many blocks the node has that are neither clusters nor behind the inode.
func (n *node) flatBlocks() int64 {
	if n.format == inline {
		return n.size / BlockSize
	}
	return blocks(n.size)
}

// settle makes a file none of whose clusters shrank one in whole blocks, which the kernel reads without its decompressor.
// The room of its indexes stays empty.
func (n *node) settle() {
	if n.format == compressed && n.stored() == blocks(n.size) {
		n.format = plain
	}
}

// stored returns how many blocks a large file has in the image.
func (n *node) stored() int64 {
	sum := 0
	for _, b := range n.clusters {
		sum += b
	}
	return int64(sum)
}

// inodeSize says which of the two kinds of inodes has room for the node.
func (n *node) inodeSize() int64 {
	if n.UID > math.MaxUint16 || n.GID > math.MaxUint16 || n.size > math.MaxUint32 || n.links > math.MaxUint16 {
		return extendedSize
	}
	return compactSize
}

// place puts the inode at the first possible offset from the given one on, and returns that behind it. Neither an inode
// nor the data behind it crosses the end of a block; indexes do.
func (n *node) place(at int64) int64 {
	size, whole := n.inodeSize(), n.inodeSize()
	switch n.format {
	case inline:
		size += n.size % BlockSize
		whole = size
	case compressed:
		size += indexStart + indexSize*blocks(n.size)
	}
	if at%BlockSize+whole > BlockSize {
		at = blocks(at) * BlockSize
	}
	n.at = at
	return (at + size + compactSize - 1) / compactSize * compactSize
}

// nid is the number by which directories refer to an inode: its offset.
func (n *node) nid() int64 { return n.at / compactSize }

// content returns what is in the raw region beside the inode.
func (n *node) content() ([]byte, error) {
	switch {
	case n.Mode.IsDir():
		return n.directory(), nil
	case n.Mode.Type() == fs.ModeSymlink:
		return []byte(n.Target), nil
	case n.large():
		return nil, nil
	}
	return n.Content.ReadAll()
}
