// Package erofs writes EROFS images whose bytes depend on nothing but contents, codec and time. Large files are stored
// as clusters: every 128 KiB of content are compressed on their own, so that equal contents are equal bytes in every
// image, and a device can make the image from contents by the same code. It writes no extended attributes, no hard links
// and no holes, and refuses names of more than 255 bytes and symbolic links of more than 4095.
package erofs

import (
	"fmt"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// BlockSize is the unit of everything in an image, and of its length.
const BlockSize = 4096

// Options are all that an image depends on beside its files.
type Options struct {
	Codec Codec
	When  time.Time // modification time of every file, in whole seconds
}

// Region is a part of an image. A raw one is its own content; that of a file is the file's content, each Cluster of it
// encoded by the image's codec.
type Region struct {
	Path    string `json:"path,omitempty"` // of the file; empty: raw
	Content int64  `json:"content"`        // bytes of content
	Stored  int64  `json:"stored"`         // bytes in the image
}

// Write writes an image into out, which must be empty, and returns its regions in the order of their offsets; they cover
// the image without gaps. The first is raw and has everything but the contents of files larger than a block, each of
// which is a region. The raw region, about a hundredth of the contents, is kept in memory.
func Write(out io.WriterAt, entries []tree.Entry, o Options) ([]Region, error) {
	regions, err := write(out, entries, o)
	if err != nil {
		return nil, fmt.Errorf("erofs: %w", err)
	}
	return regions, nil
}

func write(out io.WriterAt, entries []tree.Entry, o Options) ([]Region, error) {
	e, err := o.Codec.encoder()
	if err != nil {
		return nil, err
	}
	nodes, err := newNodes(entries, o.Codec != None)
	if err != nil {
		return nil, err
	}
	inodes := superEnd(e)
	for _, n := range nodes {
		inodes = n.place(inodes)
	}
	data := flat(nodes, blocks(inodes))
	d := &dataWriter{out: out, codec: o.Codec, at: data * BlockSize, regions: []Region{{Content: data * BlockSize, Stored: data * BlockSize}}}
	if err := d.files(nodes); err != nil {
		return nil, err
	}
	raw, err := render(nodes, data*BlockSize, e, o.When.Unix())
	if err != nil {
		return nil, err
	}
	super{when: o.When, root: nodes[0].nid(), inodes: len(nodes), blocks: blocks(d.at), encoder: e}.put(raw)
	_, err = out.WriteAt(raw, 0)
	return d.regions, err
}

// flat gives directories and files of at most a block their blocks from the given one on, and returns the one after them.
func flat(nodes []*node, block int64) int64 {
	for _, n := range nodes {
		if !n.large() {
			n.start = block
			block += n.flatBlocks()
		}
	}
	return block
}

// render makes the raw region but for the superblock.
func render(nodes []*node, size int64, e encoder, when int64) ([]byte, error) {
	raw := make([]byte, size)
	for _, n := range nodes {
		content, err := n.content()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Path, err)
		}
		n.putInode(raw[n.at:], when)
		switch n.format {
		case compressed:
			n.putIndexes(raw[n.at+n.inodeSize():], e)
		case inline:
			head := n.flatBlocks() * BlockSize
			copy(raw[n.at+n.inodeSize():], content[head:])
			content = content[:head]
		}
		if !n.large() {
			copy(raw[n.start*BlockSize:], content)
		}
	}
	return raw, nil
}

// blocks returns how many blocks n bytes take.
func blocks(n int64) int64 { return (n + BlockSize - 1) / BlockSize }
