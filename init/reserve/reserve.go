// Package reserve keeps some room on the data partition for the moment when there is none: a file that is given back when the disk is
// full, so that what would clean it up, the kubelet's garbage collection first, can write; and that is taken again once there is room. It
// deletes nothing but its own file, and it refuses to take room that others are about to need.
package reserve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Most is how large the file is at most, in bytes; on a small partition it is a hundredth.
const Most = 64 << 20

// Full and roomy are the free space, in parts of the file's size, below which it is given back and from which on it is taken: a disk between
// the two stays as it is.
const (
	fullParts  = 4 // a fourth
	roomyTimes = 4
)

// Reserve is the file of one partition.
type Reserve struct {
	Path string // on the partition
	Dir  string // any directory of it

	statfs func(string) (total, free int64, err error) // tests bring their own
}

// State is what a look has found, and done.
type State struct {
	Held    bool  // the file is there
	Changed bool  // since the look before
	Full    bool  // it was given back, and there is no room to take it again
	Free    int64 // bytes that are free, before anything was done
	Size    int64 // of the file, in bytes, as it is or shall be
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

// Look gives the file back, or takes it, or leaves things as they are.
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

// take reserves blocks without writing them (fallocate(2)). A file that is cut short by an error is no reserve and is taken away.
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
