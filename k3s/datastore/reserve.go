package datastore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserveSize is room for SQLite's log and its index, which it needs before it can read anything, and for its first writes.
const reserveSize = 8 << 20

// scarce is how little room makes a disk a full one.
const scarce = 1 << 20

func reserve(db string) string { return filepath.Join(db, "reserve") }

// giveBack makes room for the database where there is none.
func giveBack(db string) {
	var st unix.Statfs_t
	if err := unix.Statfs(db, &st); err == nil && int64(st.Bavail)*int64(st.Bsize) < scarce {
		_ = os.Remove(reserve(db)) // none is left of an earlier start: opening says what is wrong
	}
}

// take keeps room for the next start, if there is plenty now. Nothing depends on it.
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
		_ = os.Remove(reserve(db)) // a part of it is of no use to the next start
	}
}
