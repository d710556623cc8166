// Package fat writes FAT32 file systems over go-diskfs.
package fat

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// Spec is a file system to be made.
type Spec struct {
	Size  int64
	Label string // at most 11 letters
	ID    uint32 // volume serial number
	When  time.Time
	Files []tree.Entry // regular files and directories; missing parents are made
}

// Image is a FAT image at the start of an io.NewOffsetWriter-like window.
type Image interface {
	io.ReaderAt
	io.WriterAt
}

// Write makes the file system and writes its non-zero parts at offset at of w (which must read as zeros there).
func Write(w io.WriterAt, at int64, s Spec) error { return errTodo }

// Inject makes or replaces one file in the file system of size bytes at offset at of an image.
func Inject(img Image, at, size int64, path string, data []byte, when time.Time) error {
	return errTodo
}

// ReadFile returns one file's content.
func ReadFile(img io.ReaderAt, at, size int64, path string) ([]byte, error) { return nil, errTodo }

var errTodo = errors.New("todo")
