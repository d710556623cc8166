// Package erofs writes uncompressed EROFS images over go-erofs, which makes them in under a second. It
// writes no compression and no extended attributes; for a smaller image run mkfs.erofs over tree.WriteTar.
package erofs

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/erofs/go-erofs"

	"github.com/proa-os/proa/images/tree"
)

// BlockSize is the unit an image is padded to.
const BlockSize = 4096

// File is what an image is written to: empty, and cut to the image's length at the end.
type File interface {
	io.WriteSeeker
	Truncate(size int64) error
}

// Write writes an image in which every file has the time when. File contents pass through a file in
// tempDir; empty means the system's.
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

// pad cuts off nothing and fills the last block: verity hashes whole ones.
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
	if e.Mode.Type() != fs.ModeSymlink { // a link's mode means nothing
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

// device is Linux's encoding of a device number in 32 bits.
func device(major, minor uint32) uint32 {
	return minor&0xff | major<<8 | minor&^0xff<<12
}
