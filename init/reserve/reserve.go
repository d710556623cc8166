// Package reserve keeps a reserve of disk space on the data partition: a file that is released when the disk is full,
// so that the kubelet's garbage collection and others can write, and allocated again once there is space. It deletes
// nothing but its own file, and does not allocate space that others are about to need.
package reserve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Most is the maximum size of the file in bytes; on a small partition it is a hundredth of that.
const Most = 64 << 20

// Full and roomy are thresholds of the free space, relative to the file's size, for releasing and allocating the file;
// between them nothing changes.
const (
	fullParts  = 4 // a fourth
	roomyTimes = 4
)

// Reserve is the reserve of one partition.
type Reserve struct {
	Path string // path of the file
	Dir  string // any directory of it

	statfs func(string) (total, free int64, err error) // replaced in tests
}

// State is the result of a check.
type State struct {
	Held    bool  // the file exists
	Changed bool  // since the previous check
	Full    bool  // the file was released, and there is no space to allocate it again
	Free    int64 // free bytes before the check changed anything
	Size    int64 // size of the file in bytes, actual or wanted
}

func (s State) String() string {
	switch {
	case s.Held:
		return fmt.Sprintf("data has room again: %d MiB are kept as a reserve", s.Size>>20)
	case s.Full:
		return fmt.Sprintf("data is full: %d MiB are free, and the reserve of %d MiB has been given back; delete what is not needed", s.Free>>20, s.Size>>20)
	}
	return fmt.Sprintf("data has no room for a reserve of %d MiB", s.Size>>20)
}

// Look releases or allocates the file, or does nothing.
func (r Reserve) Look() (s State, err error) {
	total, free, err := r.room()
	if err != nil {
		return s, fmt.Errorf("room of %s: %w", r.Dir, err)
	}
	s.Free, s.Size = free, min(Most, total/100)
	info, err := os.Lstat(r.Path)
	switch {
	case err == nil && free < info.Size()/fullParts:
		s.Size, s.Full, s.Changed = info.Size(), true, true
		return s, os.Remove(r.Path)
	case err == nil:
		s.Held = true
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	case free < roomyTimes*s.Size || s.Size == 0:
		s.Full = true
		return s, nil
	}
	if err := take(r.Path, s.Size); err != nil {
		return s, fmt.Errorf("take %s: %w", r.Path, err)
	}
	s.Held, s.Changed = true, true
	return s, nil
}

func (r Reserve) room() (total, free int64, err error) {
	if r.statfs != nil {
		return r.statfs(r.Dir)
	}
	var st unix.Statfs_t
	err = unix.Statfs(r.Dir, &st)
	return int64(st.Blocks) * int64(st.Bsize), int64(st.Bavail) * int64(st.Bsize), err
}

// take allocates blocks without writing them (fallocate(2)). A file that is incomplete because of an error is removed.
func take(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
