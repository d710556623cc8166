package erofs

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
)

// ReadFile returns the content of a regular file of at most limit bytes, large or small, by its path in the image.
func (m *Image) ReadFile(name string, limit int64) ([]byte, error) {
	nid, err := m.super()
	for _, part := range strings.Split(name, "/") {
		if err == nil {
			nid, err = m.lookup(nid, part)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("erofs: %s: %w", name, err)
	}
	n, err := m.inode(nid)
	switch {
	case err == nil && (n.mode&typeMask != typeRegular || n.size > limit):
		err = fmt.Errorf("not a regular file of at most %d bytes", limit)
	case err == nil && n.size > BlockSize:
		b := make([]byte, n.size)
		return b, m.ReadContent(name, 0, b)
	}
	if err != nil {
		return nil, fmt.Errorf("erofs: %s: %w", name, err)
	}
	return m.flat(n)
}

// lookup returns the number of a name's inode.
func (m *Image) lookup(dir int64, name string) (int64, error) {
	n, err := m.inode(dir)
	if err != nil || n.mode&typeMask != typeDir || n.size > maxDirectory || n.format == compressed {
		return 0, fs.ErrNotExist
	}
	data, err := m.flat(n)
	if err != nil {
		return 0, err
	}
	for ; len(data) > 0; data = data[min(len(data), BlockSize):] {
		block := data[:min(len(data), BlockSize)]
		for at := 0; at+direntSize <= len(block) && at < int(le.Uint16(block[8:])); at += direntSize {
			begin := int(le.Uint16(block[at+8:]))
			if rest := block[min(begin, len(block)):]; bytes.HasPrefix(rest, []byte(name)) && ends(block, at, begin+len(name)) {
				return int64(le.Uint64(block[at:])), nil
			}
		}
	}
	return 0, fs.ErrNotExist
}

// ends says whether the name of the entry at an offset ends there: at the next one's, at a zero, or with the block.
func ends(block []byte, at, end int) bool {
	if next := at + direntSize; next < int(le.Uint16(block[8:])) && next+10 <= len(block) {
		return int(le.Uint16(block[next+8:])) == end
	}
	return end == len(block) || block[end] == 0
}
