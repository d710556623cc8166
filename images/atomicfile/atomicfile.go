// Package atomicfile writes files atomically: readers, and a machine after a power cut, see the old content or the new
// one, never a part of it. Once Write has returned, the new content is durable. It refuses to replace devices and files
// of proc and sys, which cannot be renamed over.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Suffix ends the name of the temporary file, .NAME.tmp, which lies beside the file it replaces. A power cut may leave
// one; the next write of NAME reuses it.
const Suffix = ".tmp"

// Write replaces the content of path atomically: it writes a temporary file beside it, fsyncs that, renames it over
// path and fsyncs the directory (rename(2), fsync(2)). Concurrent writers of one path take turns; the last one wins.
// The file's mode is perm whatever the umask is. A symbolic link at path is replaced, not followed.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := write(path, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteIfChanged calls Write unless path is already a regular file with this content and mode. So a full disk is no
// error when nothing changes, and flash is not worn by writing the same bytes again.
func WriteIfChanged(path string, data []byte, perm fs.FileMode) (changed bool, err error) {
	if info, err := os.Lstat(path); err == nil && info.Mode() == perm && info.Size() == int64(len(data)) {
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, data) {
			return false, nil
		}
	}
	return true, Write(path, data, perm)
}

func write(path string, data []byte, perm fs.FileMode) error {
	if name := filepath.Base(path); path == "" || name == "." || name == ".." || name == "/" {
		return fs.ErrInvalid // an empty name would write into the working directory
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("not a regular file: %s", info.Mode().Type())
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+Suffix)
	f, err := owned(tmp)
	if err != nil {
		return err
	}
	defer f.Close() // a second close after fill is harmless; where fill failed it releases the lock
	err = fill(f, data, perm)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return SyncDir(filepath.Dir(path))
}

// owned opens tmp and locks it (flock(2)), so that two writers never fill the same file. A writer that waited for the
// lock may find that the file was renamed meanwhile; it then opens tmp again.
func owned(tmp string) (*os.File, error) {
	for {
		f, err := os.OpenFile(tmp, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock: %w", err)
		}
		mine, err := f.Stat()
		if there, lerr := os.Lstat(tmp); err == nil && lerr == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close()
	}
}

func fill(f *os.File, data []byte, perm fs.FileMode) error {
	for _, then := range []func() error{
		func() error { return f.Truncate(0) },
		func() error { return f.Chmod(perm) },
		func() error { _, err := f.WriteAt(data, 0); return err },
		f.Sync,
	} {
		if err := then(); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir fsyncs the directory: files created, renamed and removed in it before that stay so after a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
