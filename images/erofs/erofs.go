// Package erofs writes uncompressed EROFS images over go-erofs.
package erofs

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// BlockSize is the unit an image is padded to.
const BlockSize = 4096

// Write writes the image, padded to BlockSize.
func Write(w io.WriteSeeker, entries []tree.Entry, when time.Time) error { return errTodo }

var errTodo = errors.New("todo")
