// Package atomicfile replaces regular files whole: whoever reads, and whatever a power cut leaves, has the old content or the new one,
// never a part of it; once Write has returned, the new one stays. It refuses to write through devices and files of proc and sys, which
// cannot be renamed over.
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

// Suffix ends the name of the file that is written first, beside the one it replaces: .NAME.tmp. A power cut may leave one; the next
// write of NAME takes it over.
const Suffix = ".tmp"

// Write makes path hold data: written beside it, fsynced, renamed over it, and the directory fsynced (rename(2), fsync(2)). Writers of
// one path wait for each other; the last one wins. perm is set whatever the umask is. A symbolic link at path is replaced, not followed.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := write(path, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteIfChanged is Write unless path is a regular file that holds data with perm already: a full disk then fails nobody, and flash is
// not worn by rewriting what is there.
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
		return fs.ErrInvalid // a name made of nothing would be a file in the working directory
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("not a regular file: %s", info.Mode().Type())
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+Suffix)
	f, err := owned(tmp)
	if err != nil {
		return err
	}
	defer f.Close() // closing again after fill has is harmless, and gives the lock back where fill failed
	err = fill(f, data, perm)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return SyncDir(filepath.Dir(path))
}

// owned opens tmp and locks it (flock(2)), so that two writers never fill one file. Who waited finds that its file has got another name
// meanwhile, and starts over.
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

// SyncDir makes the names in dir durable: files made, renamed and removed there before stay so after a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
