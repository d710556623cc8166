// Package fatends clears what lies behind the end of a directory of a FAT32.
//
// A name that lies in two sectors is written by two writes of the disk, and a power cut can keep the second one alone. Then
// the first free entry, which marks the end of the directory, is followed by one that is used. Boot loaders do not read it,
// Linux does, and refuses to add a file to such a directory: "allocated dir entry found after end-of-directory marker", after
// which the file system is read-only (fs/fat/dir.c). By the specification of FAT everything behind the end is free.
//
// It refuses what is no FAT32, and leaves directories alone whose clusters it cannot follow. It reads names for messages
// only, changes nothing before the end of a directory, and frees no clusters.
package fatends

import (
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/proa-os/proa/images/fatdisk"
	"github.com/proa-os/proa/images/layout"
)

// First bytes of entries: free marks one that was deleted, ended the first one behind the last.
const ended, free = 0x00, 0xe5

// Found is a sector with used entries behind the end of its directory.
type Found struct {
	Dir string // path, of short names
	At  int64  // of the sector, in bytes from the beginning of the file system
	own int    // bytes of the sector before the end
}

// Find returns the sectors behind ends of directories in which entries are used. size is that of the partition in bytes. The
// error is about directories that cannot be followed; the others are looked at.
func Find(r io.ReaderAt, size int64) ([]Found, error) {
	v, err := open(r, size)
	if err != nil {
		return nil, err
	}
	w := walk{volume: v, seen: map[uint32]bool{}}
	err = w.dir("", v.Root)
	return w.found, err
}

// Clear zeroes them. Each sector is written whole: a power cut between two leaves the rest for the next call.
func Clear(d interface {
	io.ReaderAt
	io.WriterAt
}, found []Found) error {
	for _, f := range found {
		sector := make([]byte, layout.Sector)
		if _, err := d.ReadAt(sector, f.At); err != nil {
			return fmt.Errorf("%s: read: %w", f.Dir, err)
		}
		clear(sector[f.own:])
		if _, err := d.WriteAt(sector, f.At); err != nil {
			return fmt.Errorf("%s: write: %w", f.Dir, err)
		}
	}
	return nil
}

type volume struct {
	io.ReaderAt
	fatdisk.Volume
}

func open(r io.ReaderAt, size int64) (v volume, err error) {
	b := make([]byte, layout.Sector)
	if _, err := r.ReadAt(b, 0); err != nil {
		return v, fmt.Errorf("boot sector: %w", err)
	}
	if v.Volume, err = fatdisk.Parse(b); err == nil && v.End > size {
		err = fmt.Errorf("a FAT32 of %d bytes in a partition of %d bytes", v.End, size)
	}
	v.ReaderAt = r
	return v, err
}

// next returns the cluster after one; ok is false behind the last.
func (v volume) next(c uint32) (n uint32, ok bool, err error) {
	link := make([]byte, 4)
	if _, err = v.ReadAt(link, v.Tables[0]+4*int64(c)); err != nil {
		return 0, false, err
	}
	n = fatdisk.Link(link)
	return n, n < fatdisk.EndOfChain, nil
}

type walk struct {
	volume
	seen  map[uint32]bool // clusters of directories
	found []Found
}

// dir looks at a directory and those in it.
func (w *walk) dir(name string, first uint32) error {
	var below []func() error
	over := false
	for c, ok := first, true; ok; {
		if c < 2 || c-2 >= w.Count || w.seen[c] {
			return fmt.Errorf("directory /%s: cluster %#x does not belong to it", name, c)
		}
		w.seen[c] = true
		data, at := make([]byte, w.Cluster), w.At(c)
		_, err := w.ReadAt(data, at)
		if err == nil {
			below = append(below, w.sectors(name, at, data, &over)...)
			c, ok, err = w.next(c)
		}
		if err != nil {
			return fmt.Errorf("directory /%s: %w", name, err)
		}
	}
	var errs []error
	for _, look := range below {
		errs = append(errs, look())
	}
	return errors.Join(errs...)
}

// sectors looks at a cluster of a directory, and returns what looks at the directories in it. over: its end was before.
func (w *walk) sectors(name string, at int64, data []byte, over *bool) (below []func() error) {
	for off := 0; off < len(data); off += layout.Sector {
		own, used := layout.Sector, false
		if *over {
			own = 0
		}
		for i := 0; i < layout.Sector; i += fatdisk.EntrySize {
			e := data[off+i:][:fatdisk.EntrySize]
			switch {
			case !*over && e[0] == ended:
				*over, own = true, i
			case *over:
				used = used || e[0] != ended && e[0] != free
			case e[0] != free && e[fatdisk.Attributes]&(fatdisk.Directory|fatdisk.VolumeName) == fatdisk.Directory && e[0] != '.':
				path, first := path.Join(name, fatdisk.ShortName(e)), fatdisk.First(e)
				below = append(below, func() error { return w.dir(path, first) })
			}
		}
		if used {
			w.found = append(w.found, Found{"/" + name, at + int64(off), own})
		}
	}
	return below
}
