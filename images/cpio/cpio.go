// Package cpio writes initramfs archives (newc) with u-root's cpio. It neither compresses nor supports hard links.
package cpio

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"github.com/proa-os/proa/images/tree"
)

// Write writes one archive. All files have the modification time when; inode numbers count up from the first entry.
func Write(w io.Writer, entries []tree.Entry, when time.Time) error {
	sorted, err := tree.Sort(entries)
	if err != nil {
		return fmt.Errorf("cpio: %w", err)
	}
	rw := cpio.Newc.Writer(w)
	for i, e := range sorted {
		rec, err := record(e, uint64(i+1), uint64(when.Unix()))
		if err != nil {
			return fmt.Errorf("cpio: %s: %w", e.Path, err)
		}
		if err := rw.WriteRecord(rec); err != nil {
			return fmt.Errorf("cpio: %s: %w", e.Path, err)
		}
	}
	return cpio.WriteTrailer(rw)
}

func record(e tree.Entry, ino, mtime uint64) (cpio.Record, error) {
	data, err := e.Content.ReadAll()
	if err != nil {
		return cpio.Record{}, err
	}
	if e.Target != "" {
		data = []byte(e.Target)
	}
	nlink := uint64(1)
	if e.Mode.IsDir() {
		nlink = 2
	}
	return cpio.Record{ReaderAt: bytes.NewReader(data), Info: cpio.Info{
		Name: e.Path, Ino: ino, Mode: uint64(tree.UnixMode(e.Mode)), UID: uint64(e.UID), GID: uint64(e.GID),
		NLink: nlink, MTime: mtime, FileSize: uint64(len(data)),
		Rmajor: uint64(e.Major), Rminor: uint64(e.Minor),
	}}, nil
}
