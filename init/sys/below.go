package sys

import (
	"os"
	"path/filepath"
)

// Below has the files that its Sys writes below a directory. It is for tests of what writes to absolute paths.
type Below struct {
	Sys
	Dir string
}

// WriteFile is Sys's, below Dir.
func (b Below) WriteFile(path string, data []byte, perm os.FileMode) error {
	return b.Sys.WriteFile(filepath.Join(b.Dir, path), data, perm)
}

// MkdirAll is Sys's, below Dir.
func (b Below) MkdirAll(path string, perm os.FileMode) error {
	return b.Sys.MkdirAll(filepath.Join(b.Dir, path), perm)
}
