// Package erofs writes uncompressed EROFS images with go-erofs, in under a second. It supports neither compression nor
// extended attributes; for a compressed image run mkfs.erofs on the output of tree.WriteTar.
package erofs

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/erofs/go-erofs"

	"github.com/proa-os/proa/images/tree"
)

// BlockSize is the size an image is padded to a multiple of.
const BlockSize = 4096

// File is the file an image is written to. It must be empty; it is truncated to the image's length at the end.
type File interface {
	io.WriteSeeker
	Truncate(size int64) error
}

// Write writes an image in which every file has the modification time when. File contents pass through a temporary file
// in tempDir, by default the system's.
func Write(out File, entries []tree.Entry, when time.Time, tempDir string) error {
	sorted, err := tree.Sort(entries)
	if err != nil {
		return fmt.Errorf("erofs: %w", err)
	}
	w := erofs.Create(out, erofs.WithBlockSize(BlockSize), erofs.WithBuildTime(uint64(when.Unix()), 0), erofs.WithTempDir(tempDir))
	for _, e := range sorted {
		if err := add(w, e, when); err != nil {
			return fmt.Errorf("erofs: %s: %w", e.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("erofs: %w", err)
	}
	return pad(out)
}

// pad extends the image to whole blocks, since dm-verity hashes whole blocks. It never truncates data.
func pad(out File) error {
	size, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	return out.Truncate((size + BlockSize - 1) / BlockSize * BlockSize)
}

func add(w *erofs.Writer, e tree.Entry, when time.Time) error {
	name := "/" + e.Path
	if e.Path == "." {
		name = "/"
	}
	if err := create(w, name, e); err != nil {
		return err
	}
	if e.Mode.Type() != fs.ModeSymlink { // permissions of a symbolic link have no meaning
		if err := w.Chmod(name, e.Mode); err != nil {
			return err
		}
	}
	if err := w.Chown(name, e.UID, e.GID); err != nil {
		return err
	}
	return w.Chtimes(name, when, when)
}

func create(w *erofs.Writer, name string, e tree.Entry) error {
	switch e.Mode.Type() {
	case fs.ModeDir:
		return w.Mkdir(name, e.Mode.Perm())
	case fs.ModeSymlink:
		return w.Symlink(e.Target, name)
	case 0:
		f, err := w.Create(name)
		if err != nil {
			return err
		}
		if err := e.Content.CopyTo(f); err != nil {
			return err
		}
		return f.Close()
	}
	return w.Mknod(name, uint16(tree.UnixMode(e.Mode)), device(e.Major, e.Minor))
}

// device encodes a device number in 32 bits as Linux does (new_encode_dev).
func device(major, minor uint32) uint32 {
	return minor&0xff | major<<8 | minor&^0xff<<12
}
