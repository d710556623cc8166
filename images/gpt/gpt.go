// Package gpt writes and reads GUID partition tables over go-diskfs. GUIDs are passed in, so the same
// table is the same bytes. It does not repair: a disk whose primary and backup tables are both
// damaged is an error.
package gpt

import (
	"errors"
	"io"

	"github.com/proa-os/proa/images/layout"
)

// Disk is what a table is written to: an image file or a block device.
type Disk interface {
	io.ReaderAt
	io.WriterAt
}

// GUIDs names the identity of a disk and of each partition by its GPT name.
type GUIDs struct {
	Disk       string
	Partitions map[string]string
}

// Write writes the protective MBR's partition entry (the boot code is left alone), both headers and both arrays.
func Write(d Disk, size int64, t layout.Table, ids GUIDs) error { return errTodo }

// Read returns the table of a disk of size bytes. Partitions that are none of proa's have no Role.
func Read(d Disk, size int64) (layout.Table, GUIDs, error) { return nil, GUIDs{}, errTodo }

// Append adds partition p (layout.Rest made it) to the disk's table and moves the backup table to the
// real end of the disk: a flashed image ends long before the card does.
func Append(d Disk, size int64, p layout.Partition, guid string) error { return errTodo }

// DeriveGUID makes a GUID (version 8) out of names, so that images need no randomness.
func DeriveGUID(seed ...string) string { return "" }

var errTodo = errors.New("todo")
