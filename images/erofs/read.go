package erofs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Image reads the files of an image that Write wrote which have a region of their own. It trusts nothing that it reads,
// because a device reads the image of a slot without verifying it: whoever uses a content knows its hash. It is not for
// concurrent use.
type Image struct {
	r      io.ReaderAt
	codec  Codec
	blocks int64
	files  []file // in the order of their regions
	path   map[string]int
	unzip  unzipper
	recent [recent]decoded
	turn   int
}

// file is a file with a region.
type file struct {
	path   string
	size   int64
	start  int64 // first block
	stored int64 // blocks
	index  int64 // offset of the indexes of its clusters; 0: its blocks are its content
}

// recent is how many clusters are kept: a patch reads what it changes from about one place.
const recent = 4

// decoded is the content of a cluster.
type decoded struct {
	file    int
	cluster int64
	content []byte
}

// Open reads superblock, directories and inodes.
func Open(r io.ReaderAt) (*Image, error) {
	m := &Image{r: r, path: map[string]int{}}
	root, err := m.super()
	if err == nil {
		err = (&walker{Image: m, seen: map[int64]bool{}}).directory(root, "", 0)
	}
	if err == nil {
		err = m.order()
	}
	if err != nil {
		return nil, fmt.Errorf("erofs: read image: %w", err)
	}
	return m, nil
}

// super reads the superblock and returns the number of the root directory's inode.
func (m *Image) super() (root int64, err error) {
	b := make([]byte, superSize)
	if _, err := m.r.ReadAt(b, superStart); err != nil {
		return 0, err
	}
	if le.Uint32(b) != superMagic || b[12] != blockBits || le.Uint32(b[40:]) != 0 {
		return 0, errors.New("no superblock as proa writes it")
	}
	m.blocks, m.codec = int64(le.Uint32(b[36:])), None
	if le.Uint32(b[80:]) == 0 {
		return int64(le.Uint16(b[14:])), nil
	}
	for codec, e := range encoders {
		if e.compress != nil && le.Uint32(b[80:]) == zeroPadding|compressionConfig && le.Uint16(b[84:]) == 1<<e.algorithm {
			m.codec = codec
			return int64(le.Uint16(b[14:])), nil
		}
	}
	return 0, fmt.Errorf("compressed by algorithms %#x, which no codec uses", le.Uint16(b[84:]))
}

// order sorts the files by their places, which must leave no gap up to the end of the image.
func (m *Image) order() error {
	slices.SortFunc(m.files, func(a, b file) int { return cmp.Compare(a.start, b.start) })
	at := m.raw()
	for i, f := range m.files {
		if f.start != at || f.stored <= 0 || f.stored > m.blocks-at {
			return fmt.Errorf("%s lies at block %d, want %d", f.path, f.start, at)
		}
		at += f.stored
		m.path[f.path] = i
	}
	if at != m.blocks || len(m.path) != len(m.files) {
		return fmt.Errorf("%d blocks, of which %d belong to %d files", m.blocks, at, len(m.files))
	}
	return nil
}

// raw returns how many blocks the first region has.
func (m *Image) raw() int64 {
	if len(m.files) == 0 {
		return m.blocks
	}
	return m.files[0].start
}

// Codec returns the codec of the image.
func (m *Image) Codec() Codec { return m.codec }

// Regions returns what Write has returned.
func (m *Image) Regions() []Region {
	list := []Region{{Content: m.raw() * BlockSize, Stored: m.raw() * BlockSize}}
	for _, f := range m.files {
		list = append(list, Region{Path: f.path, Content: f.size, Stored: f.stored * BlockSize})
	}
	return list
}

// ReadContent fills b with the content of a file that has a region, or, without a path, with the image's own bytes.
func (m *Image) ReadContent(path string, off int64, b []byte) error {
	if path == "" {
		_, err := io.ReadFull(io.NewSectionReader(m.r, off, int64(len(b))), b)
		return err
	}
	i, ok := m.path[path]
	if !ok || off < 0 || off > m.files[i].size-int64(len(b)) {
		return fmt.Errorf("erofs: %s has no region with bytes %d to %d", path, off, off+int64(len(b)))
	}
	f := m.files[i]
	if f.index == 0 {
		_, err := io.ReadFull(io.NewSectionReader(m.r, f.start*BlockSize+off, int64(len(b))), b)
		return err
	}
	for len(b) > 0 {
		content, err := m.cluster(i, off/Cluster)
		if err != nil {
			return fmt.Errorf("erofs: %s: %w", path, err)
		}
		n := copy(b, content[off%Cluster:])
		b, off = b[n:], off+int64(n)
	}
	return nil
}
