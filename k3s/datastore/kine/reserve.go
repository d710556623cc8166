package kine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserveSize is the space for SQLite's write-ahead log and its index, which it needs before it can read anything, and
// for its first writes.
const reserveSize = 8 << 20

// scarce is the free space below which a disk counts as full.
const scarce = 1 << 20

func reserve(db string) string { return filepath.Join(db, "reserve") }

// giveBack deletes the reserve if the disk is full.
func giveBack(db string) {
	var st unix.Statfs_t
	if err := unix.Statfs(db, &st); err == nil && int64(st.Bavail)*int64(st.Bsize) < scarce {
		_ = os.Remove(reserve(db)) // there may be none: opening the database reports the error
	}
}

// take allocates the reserve for the next start if there is enough space. Errors are ignored.
func take(db string) {
	var st unix.Statfs_t
	if err := unix.Statfs(db, &st); err != nil || int64(st.Bavail)*int64(st.Bsize) < 2*reserveSize {
		return
	}
	f, err := os.OpenFile(reserve(db), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) || err != nil {
		return
	}
	defer f.Close()
	if unix.Fallocate(int(f.Fd()), 0, 0, reserveSize) != nil {
		_ = os.Remove(reserve(db)) // an incomplete reserve is useless
	}
}
