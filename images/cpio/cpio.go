// Package cpio writes initramfs archives (newc) over u-root's cpio.
package cpio

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// Write writes an uncompressed archive; the caller compresses it.
func Write(w io.Writer, entries []tree.Entry, when time.Time) error { return errTodo }

var errTodo = errors.New("todo")
