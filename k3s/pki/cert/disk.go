package cert

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/atomicfile"
)

// Disk is where files are written: the data partition, or a recorder in tests of power cuts.
type Disk interface {
	Write(path string, data []byte, perm fs.FileMode) error
	Remove(path string) error
}

// Durable writes to disk: a file is durable when the call returns.
type Durable struct{}

// Write replaces a file atomically, unless it has that content.
func (Durable) Write(path string, data []byte, perm fs.FileMode) error {
	_, err := atomicfile.WriteIfChanged(path, data, perm)
	return err
}

// Remove removes a file durably.
func (Durable) Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// MakeDir creates a directory durably.
func MakeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// Exists says whether a path exists; if that cannot be determined it returns an error.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
