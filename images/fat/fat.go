// Package fat creates FAT32 file systems with go-diskfs, replaces one file in an existing one, and reads one file.
// go-diskfs takes times from the clock, sets no serial number, and leaves two things that fsck.fat complains about;
// finish.go corrects these in place. No FAT12 or FAT16, no attributes, no repair.
package fat

import (
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

// MinSize is the minimum size of a FAT32: 65525 clusters of one sector, and the FATs.
const MinSize = 34 * layout.MiB

// Spec describes a new file system.
type Spec struct {
	Size  int64
	Label string // at most 11 letters
	ID    uint32 // volume serial number
	When  time.Time
	Files []tree.Entry // regular files and directories; missing parents are created
}

// Image is an image file or a block device that contains the file system.
type Image = sparse.ReadWriterAt

// Write creates the file system and writes the blocks of it that are not zero to w from offset at; the range must be
// zero before.
func Write(w io.WriterAt, at int64, s Spec) error {
	if s.Size < MinSize {
		return fmt.Errorf("fat: %d bytes are too few for FAT32", s.Size)
	}
	mem := sparse.New(s.Size)
	fs, err := fat32.Create(mem, s.Size, 0, layout.Sector, s.Label, true)
	if err != nil {
		return fmt.Errorf("fat: %w", err)
	}
	entries, err := tree.Sort(s.Files)
	if err != nil {
		return fmt.Errorf("fat: %w", err)
	}
	for _, e := range entries {
		if err := add(fs, e); err != nil {
			return fmt.Errorf("fat: %s: %w", e.Path, err)
		}
	}
	if err := finish(mem, finishing{when: s.When, id: &s.ID}); err != nil {
		return fmt.Errorf("fat: %w", err)
	}
	return mem.CopyTo(w, at)
}

func add(fs *fat32.FileSystem, e tree.Entry) error {
	switch {
	case e.Path == ".":
		return nil
	case e.Mode.IsDir():
		return fs.Mkdir("/" + e.Path)
	case !e.Mode.IsRegular():
		return fmt.Errorf("FAT has no %v", e.Mode.Type())
	}
	data, err := e.Content.ReadAll()
	if err != nil {
		return err
	}
	return put(fs, e.Path, data)
}

// put writes a file in one call, because go-diskfs rewrites the whole FAT for each call.
func put(fs *fat32.FileSystem, name string, data []byte) error {
	f, err := fs.OpenFile("/"+name, os.O_CREATE|os.O_RDWR|os.O_TRUNC)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return f.Close()
}

// Inject creates or replaces one file in the file system of size bytes at offset at of an image. If it fails, the image is as it was, unless the
// image could not be written.
func Inject(img Image, at, size int64, name string, data []byte, when time.Time) error {
	changes := newOverlay(img)
	if err := inject(sparse.NewWindow(changes, at, size), size, name, data, when); err != nil {
		return fmt.Errorf("fat: %w", err)
	}
	if err := changes.commit(); err != nil {
		return fmt.Errorf("fat: %w", err)
	}
	return nil
}

func inject(w *sparse.Window, size int64, name string, data []byte, when time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil { // go-diskfs, with a directory from which entries were deleted
			err = fmt.Errorf("%s: the directory cannot be rewritten (%v); mount the partition and copy the file there", name, p)
		}
	}()
	if err := mirrored(w); err != nil {
		return err
	}
	fs, err := fat32.Read(w, size, 0, layout.Sector)
	if err != nil {
		return err
	}
	if dir := path.Dir(name); dir != "." {
		if err := fs.Mkdir("/" + dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if err := dropEmpty(fs, name); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := put(fs, name, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return finish(w, finishing{when: when, only: path.Base(name)})
}

// dropEmpty removes an existing empty file before it is written: go-diskfs would allocate clusters for it without
// setting the first cluster in its directory entry. Files with content keep their directory entry.
func dropEmpty(fs *fat32.FileSystem, name string) error {
	f, err := fs.OpenFile("/"+name, os.O_RDONLY)
	if err != nil {
		return nil // there is none; an error would come from creating it
	}
	st, err := f.Stat()
	if err != nil || st.Size() > 0 {
		return err
	}
	return fs.Remove("/" + name)
}
