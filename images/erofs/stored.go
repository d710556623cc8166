package erofs

import (
	"fmt"
	"io"
	"slices"
)

// AppendStored appends the blocks that a part of a file's content is stored in, or, without a path, bytes of the image.
// The part must begin and end with clusters. What is appended is what Codec.Encode has made of it, if the image is
// right; nothing is decoded, so the caller compares.
func (m *Image) AppendStored(dst []byte, path string, off, n int64) ([]byte, error) {
	if path == "" {
		return m.appendBytes(dst, off, n)
	}
	i, ok := m.path[path]
	if !ok || off < 0 || n <= 0 || off > m.files[i].size-n || off%Cluster != 0 || (off+n)%Cluster != 0 && off+n != m.files[i].size {
		return dst, fmt.Errorf("erofs: %s has no clusters from %d to %d", path, off, off+n)
	}
	f := m.files[i]
	begin, end := f.start+off/BlockSize, f.start+blocks(off+n)
	if f.index != 0 {
		var err1, err2 error
		begin, err1 = m.block(f, off/Cluster)
		end, err2 = f.start+f.stored, nil
		if off+n < f.size {
			end, err2 = m.block(f, (off+n)/Cluster)
		}
		if err1 != nil || err2 != nil || begin < f.start || end < begin || end > f.start+f.stored {
			return dst, fmt.Errorf("erofs: %s: clusters in blocks %d to %d", path, begin, end)
		}
	}
	return m.appendBytes(dst, begin*BlockSize, (end-begin)*BlockSize)
}

// block returns where a cluster begins.
func (m *Image) block(f file, number int64) (int64, error) {
	index := make([]byte, indexSize)
	_, err := m.r.ReadAt(index, f.index+number*(Cluster/BlockSize)*indexSize)
	return int64(le.Uint32(index[4:])), err
}

func (m *Image) appendBytes(dst []byte, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || n > m.blocks*BlockSize-off {
		return dst, fmt.Errorf("erofs: no bytes %d to %d", off, off+n)
	}
	begin := len(dst)
	dst = slices.Grow(dst, int(n))[:begin+int(n)]
	if _, err := io.ReadFull(io.NewSectionReader(m.r, off, n), dst[begin:]); err != nil {
		return dst[:begin], err
	}
	return dst, nil
}
