// Package sparse is a sparse file in memory: it stores only blocks that are not zero. go-diskfs writes a file system
// into it, and CopyTo writes that into an image, leaving holes: a 288 MiB boot partition costs the 30 MiB that it
// contains. The file does not grow and has no name.
package sparse

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/diskfs/go-diskfs/backend"
)

const chunk = 64 << 10

// File is the sparse file; it implements go-diskfs's backend.Storage.
type File struct {
	size   int64
	pos    int64
	chunks map[int64][]byte
}

var _ backend.Storage = (*File)(nil)

// New returns a file of size bytes, all zero.
func New(size int64) *File { return &File{size: size, chunks: map[int64][]byte{}} }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	for n < len(p) && off < f.size {
		k := min(int64(len(p)-n), chunk-off%chunk, f.size-off)
		if c, ok := f.chunks[off/chunk]; ok {
			copy(p[n:n+int(k)], c[off%chunk:])
		} else {
			clear(p[n : n+int(k)])
		}
		n, off = n+int(k), off+k
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt; writing zeros into a hole keeps it a hole.
func (f *File) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off+int64(len(p)) > f.size {
		return 0, fmt.Errorf("write of %d bytes at %d: beyond the file's %d", len(p), off, f.size)
	}
	for n < len(p) {
		k := min(int64(len(p)-n), chunk-off%chunk)
		part := p[n : n+int(k)]
		c, ok := f.chunks[off/chunk]
		if !ok && !IsZero(part) {
			c = make([]byte, chunk)
			f.chunks[off/chunk], ok = c, true
		}
		if ok {
			copy(c[off%chunk:], part)
		}
		n, off = n+int(k), off+k
	}
	return n, nil
}

// CopyTo writes what is not zero to w, shifted by at bytes.
func (f *File) CopyTo(w io.WriterAt, at int64) error {
	keys := make([]int64, 0, len(f.chunks))
	for k := range f.chunks {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		c := f.chunks[k][:min(chunk, f.size-k*chunk)]
		if IsZero(c) {
			continue
		}
		if _, err := w.WriteAt(c, at+k*chunk); err != nil {
			return err
		}
	}
	return nil
}

// Read, Seek, Close, Stat, Sys, Writable and Path implement the rest of go-diskfs's interface.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (f *File) Seek(off int64, whence int) (int64, error) {
	base := map[int]int64{io.SeekStart: 0, io.SeekCurrent: f.pos, io.SeekEnd: f.size}[whence]
	if base+off < 0 {
		return 0, fs.ErrInvalid
	}
	f.pos = base + off
	return f.pos, nil
}

// Write implements io.Writer at the position Seek set.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

// Close does nothing.
func (f *File) Close() error { return nil }

// Stat returns a FileInfo that has only a size.
func (f *File) Stat() (fs.FileInfo, error) { return info(f.size), nil }

// Sys returns an error: there is no file of the host underneath.
func (f *File) Sys() (*os.File, error) { return nil, errors.ErrUnsupported }

// Writable returns the file itself.
func (f *File) Writable() (backend.WritableFile, error) { return f, nil }

// Path is empty: the file has no name.
func (f *File) Path() string { return "" }

type info int64

func (info) Name() string       { return "memory" }
func (i info) Size() int64      { return int64(i) }
func (info) Mode() fs.FileMode  { return 0o600 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }

// IsZero says whether all bytes of b are zero.
func IsZero(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
