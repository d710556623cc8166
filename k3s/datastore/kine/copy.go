package kine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/atomicfile"
)

// tempSuffix ends the names of files that are not complete yet.
const tempSuffix = ".tmp"

// Copy writes the database, as one transaction sees it, to a new file; the server may run meanwhile and is not blocked.
// The file appears once all of it is on the medium. It is refused if there is no room for it, and if it exists already.
func (s Store) Copy(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already", file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := room(s.file(), filepath.Dir(file)); err != nil {
		return err
	}
	tmp := file + tempSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	err := vacuumInto(ctx, s.file(), tmp)
	if err == nil {
		err = publish(tmp, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w", s.file(), err), os.RemoveAll(tmp))
	}
	return nil
}

// vacuumInto needs no lock that a writer waits for, because the database has a write-ahead log
// (https://www.sqlite.org/lang_vacuum.html, "VACUUM with an INTO clause").
func vacuumInto(ctx context.Context, from, to string) error {
	source := url.URL{Scheme: "file", Path: from, RawQuery: "mode=ro&_busy_timeout=30000"}
	db, err := sql.Open("sqlite3", source.String())
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
		return fmt.Errorf("a copy of the database needs %d MiB, and %s has room for %d MiB", need>>20, dir, have>>20)
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

// Restore replaces the database by a copy. It is refused while a server runs, and if the copy is damaged. The replaced
// database is kept beside it as state.db.replaced, instead of an earlier one.
func (s Store) Restore(ctx context.Context, file string) error {
	if c, err := net.Dial("unix", s.socket()); err == nil {
		return errors.Join(errors.New("the server is running; stop it first: proa stop k3s"), c.Close())
	}
	if found, err := integrity(file); err != nil || found != "ok" {
		return errors.Join(fmt.Errorf("%s is damaged: %s", file, found), err)
	}
	if err := room(file, s.db()); err != nil {
		return err
	}
	if err := settle(ctx, s.file()); err != nil {
		return err
	}
	tmp := s.file() + tempSuffix
	if err := errors.Join(os.RemoveAll(tmp), vacuumInto(ctx, file, tmp), atomicfile.SyncDir(tmp)); err != nil {
		return fmt.Errorf("restore %s: %w", file, errors.Join(err, os.RemoveAll(tmp)))
	}
	return s.exchange(tmp)
}

// settle brings the write-ahead log of a database into its file and removes it: beside another file it would be
// applied to that. A database that cannot be opened is left as it is, with its log.
func settle(ctx context.Context, file string) error {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite3", file+"?_busy_timeout=30000")
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		err = errors.Join(err, db.Close()) // the last connection removes the log
	}
	if err != nil {
		return fmt.Errorf("settle the log of %s: %w", file, err)
	}
	return nil
}

// exchange puts tmp in the place of the database. A power cut leaves one or the other: the kept database is a second
// name of the same file until the rename.
func (s Store) exchange(tmp string) error {
	kept := s.file() + ".replaced"
	err := os.RemoveAll(kept)
	if err == nil {
		err = os.Link(s.file(), kept)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keep %s: %w", s.file(), err)
	}
	return publish(tmp, s.file())
}
