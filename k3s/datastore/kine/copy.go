package kine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/atomicfile"
)

// tempSuffix ends the names of files that are not complete yet.
const tempSuffix = ".tmp"

// Copy writes the database, as one transaction sees it, to a new file; the server may run meanwhile and is not blocked.
// The file appears once all of it is on the medium. It is refused if there is no room for it, and if it exists already.
func (s Store) Copy(ctx context.Context, file string) error { return s.CopyOf(ctx, s.file(), file) }

// CopyOf does the same with another file that has a database.
func (s Store) CopyOf(ctx context.Context, from, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already", file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := room(from, filepath.Dir(file)); err != nil {
		return err
	}
	tmp := file + tempSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	err := vacuumInto(ctx, from, tmp)
	if err == nil {
		err = publish(tmp, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w", from, err), os.RemoveAll(tmp))
	}
	return nil
}

// vacuumInto needs no lock that a writer waits for, because the database has a write-ahead log
// (https://www.sqlite.org/lang_vacuum.html, "VACUUM with an INTO clause").
func vacuumInto(ctx context.Context, from, to string) error {
	db, err := readOnly(from)
	if err != nil {
		return err
	}
	defer db.Close()
	if f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return err
	} else if err := f.Close(); err != nil { // SQLite takes an empty file, whose mode is ours
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// ErrRoom is returned if a disk has no room for a copy: it says nothing about the database.
var ErrRoom = errors.New("no room")

// room refuses if the copy would leave less than the reserve.
func room(file, dir string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("room in %s: %w", dir, err)
	}
	if need, have := info.Size()+2*reserveSize, int64(st.Bavail)*int64(st.Bsize); need > have {
		return fmt.Errorf("%w: a copy of the database needs %d MiB, and %s has room for %d MiB", ErrRoom, need>>20, dir, have>>20)
	}
	return nil
}

// publish renames a file to its name once it is on the medium; SyncDir fsyncs files too.
func publish(tmp, file string) error {
	if err := atomicfile.SyncDir(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, file); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(file))
}
