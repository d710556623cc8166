package erofs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// What a reader accepts at most: of a damaged image no more is read than of any that proa builds.
const (
	maxDepth     = 256
	maxFiles     = 1 << 20
	maxDirectory = 16 << 20 // bytes
)

// walker finds the files with regions.
type walker struct {
	*Image
	seen map[int64]bool // directories
}

// inode is what is read of one.
type inode struct {
	mode   uint16
	format int
	size   int64
	where  uint32
	data   int64 // offset of what lies behind it
}

// inode reads one by its number.
func (m *Image) inode(nid int64) (n inode, err error) {
	b := make([]byte, extendedSize)
	if got, err := m.r.ReadAt(b, nid*compactSize); err != nil && (err != io.EOF || got < compactSize) {
		return n, err
	}
	kind := le.Uint16(b)
	n = inode{mode: le.Uint16(b[4:]), format: int(kind >> 1), size: int64(le.Uint32(b[8:])), where: le.Uint32(b[16:]), data: nid*compactSize + compactSize}
	if kind&1 != 0 {
		n.size, n.data = int64(le.Uint64(b[8:])), nid*compactSize+extendedSize
	}
	if n.size < 0 || n.format > inline {
		return n, fmt.Errorf("inode %d: %d bytes in format %d", nid, n.size, n.format)
	}
	return n, nil
}

// The types of files in a mode (S_IFMT).
const (
	typeMask    = 0o170000
	typeDir     = 0o040000
	typeRegular = 0o100000
)

func (w *walker) directory(nid int64, dir string, depth int) error {
	n, err := w.inode(nid)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if n.mode&typeMask != typeDir || n.size > maxDirectory || n.format == compressed || depth > maxDepth || w.seen[nid] {
		return fmt.Errorf("%q is no directory as proa writes it", dir)
	}
	w.seen[nid] = true
	data, err := w.flat(n)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for len(data) > 0 {
		block := data[:min(len(data), BlockSize)]
		if err := w.names(block, dir, depth); err != nil {
			return err
		}
		data = data[len(block):]
	}
	return nil
}

// flat reads data that is not in clusters.
func (m *Image) flat(n inode) ([]byte, error) {
	b := make([]byte, n.size)
	head := len(b)
	if n.format == inline {
		head -= head % BlockSize
		if _, err := io.ReadFull(io.NewSectionReader(m.r, n.data, int64(len(b)-head)), b[head:]); err != nil {
			return nil, err
		}
	}
	_, err := io.ReadFull(io.NewSectionReader(m.r, int64(n.where)*BlockSize, int64(head)), b[:head])
	return b, err
}

var errNames = errors.New("a directory with names that proa does not write")

// names enters the names of one block.
func (w *walker) names(block []byte, dir string, depth int) error {
	if len(block) < direntSize {
		return errNames
	}
	end := int(le.Uint16(block[8:]))
	if end%direntSize != 0 || end == 0 || end > len(block) {
		return errNames
	}
	for at := 0; at < end; at += direntSize {
		begin, stop := int(le.Uint16(block[at+8:])), len(block)
		if at+direntSize < end {
			stop = int(le.Uint16(block[at+direntSize+8:]))
		}
		if begin < end || begin > stop || stop > len(block) {
			return errNames
		}
		name, _, _ := bytes.Cut(block[begin:stop], []byte{0})
		if err := w.enter(string(name), dir, int64(le.Uint64(block[at:])), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) enter(name, dir string, nid int64, depth int) error {
	if name == "." || name == ".." {
		return nil
	}
	where := path.Join(dir, name)
	if !fs.ValidPath(where) || path.Base(where) != name || nid < 0 || nid > w.blocks*(BlockSize/compactSize) {
		return errNames
	}
	n, err := w.inode(nid)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", where, err)
	case n.mode&typeMask == typeDir:
		return w.directory(nid, where, depth+1)
	case n.mode&typeMask != typeRegular || n.size <= BlockSize:
		return nil
	case len(w.files) == maxFiles:
		return fmt.Errorf("more than %d files", maxFiles)
	}
	f := file{path: where, size: n.size, start: int64(n.where), stored: blocks(n.size)}
	if n.format == compressed {
		f.index, f.stored = n.data+indexStart, int64(n.where)
		b := make([]byte, indexSize)
		if _, err := w.r.ReadAt(b, f.index); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		f.start = int64(le.Uint32(b[4:]))
	}
	w.files = append(w.files, f)
	return nil
}
