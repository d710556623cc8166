package qemu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/images/sparse"
)

// Copy makes a sparse, writable copy of a file, extended to size if that is larger.
func Copy(to, from string, size int64) error {
	return copyTo(to, from, size, func(dst, src *os.File) (int64, error) {
		info, err := src.Stat()
		if err != nil {
			return 0, err
		}
		return info.Size(), copyData(dst, src, info.Size())
	})
}

// NewDisk makes a machine's disk of size bytes from an image, which may be compressed (*.zst). The image is not
// changed.
func NewDisk(to, image string, size int64) error {
	if !strings.HasSuffix(image, ".zst") {
		return Copy(to, image, size)
	}
	return copyTo(to, image, size, unpack)
}

// copyTo writes a file with copy, which returns its length.
func copyTo(to, from string, size int64, copy func(dst, src *os.File) (int64, error)) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := copy(dst, src)
	if err := errors.Join(err, dst.Truncate(max(size, n)), dst.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// copyData copies the data between holes (lseek(2), SEEK_DATA and SEEK_HOLE).
func copyData(dst, src *os.File, size int64) error {
	const seekData, seekHole = 3, 4
	for at := int64(0); at < size; {
		data, err := src.Seek(at, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return nil // no data after this offset
		}
		if err != nil {
			return err
		}
		end, err := src.Seek(data, seekHole)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(dst, data), io.NewSectionReader(src, data, end-data)); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// unpack decompresses, leaves holes for zeros, and returns the length.
func unpack(dst, src *os.File) (n int64, err error) {
	z, err := zstd.NewReader(src)
	if err != nil {
		return 0, err
	}
	defer z.Close()
	block := make([]byte, 1<<20)
	for {
		got, err := io.ReadFull(z, block)
		if got > 0 && !sparse.IsZero(block[:got]) {
			if _, err := dst.WriteAt(block[:got], n); err != nil {
				return n, err
			}
		}
		n += int64(got)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
