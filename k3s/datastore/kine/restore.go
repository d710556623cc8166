package kine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/atomicfile"
)

// logs are the files that belong to a database while it is open, or after a process that had it open was killed.
var logs = []string{"-wal", "-shm"}

// Replaced is the path at which Restore keeps the database that it replaces, with its log.
func (s Store) Replaced() string { return s.file() + ".replaced" }

// Forget removes what an earlier Restore kept.
func (s Store) Forget() error {
	for _, end := range append(logs, "") {
		if err := os.Remove(s.Replaced() + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncFolder(s.db())
}

// Exchanged says whether Restore has replaced the database since Forget. It is for who was interrupted in it.
func (s Store) Exchanged() bool {
	kept, err := os.Stat(s.Replaced())
	if err != nil {
		return false
	}
	now, err := os.Stat(s.file())
	return err == nil && !os.SameFile(kept, now)
}

// linked says whether a Restore was interrupted before it replaced the database, whose log may be kept already.
func (s Store) linked() bool {
	_, err := os.Stat(s.Replaced())
	return err == nil && !s.Exchanged()
}

// Restore replaces the database by a copy. It is refused while a server runs, and if the copy is damaged. The replaced
// database is kept as it is (Replaced), instead of an earlier one. A power cut leaves one or the other database; if it is
// the old one, its last transactions may be in a log that is kept already: restore again.
func (s Store) Restore(ctx context.Context, file string) error {
	if c, err := net.Dial("unix", s.socket()); err == nil {
		return errors.Join(errors.New("the server is running; stop it first: proa stop k3s"), c.Close())
	}
	if found, err := integrity(file); err != nil || found != "ok" {
		return errors.Join(fmt.Errorf("%s is damaged: %s", file, found), err)
	}
	if err := os.MkdirAll(s.db(), 0o700); err != nil {
		return err
	}
	if err := room(file, s.db()); err != nil {
		return err
	}
	tmp := s.file() + tempSuffix
	if err := errors.Join(os.RemoveAll(tmp), vacuumInto(ctx, file, tmp), atomicfile.SyncDir(tmp)); err != nil {
		return fmt.Errorf("restore %s: %w", file, errors.Join(err, os.RemoveAll(tmp)))
	}
	if err := s.exchange(ctx, tmp); err != nil {
		return fmt.Errorf("restore %s: %w", file, err)
	}
	return nil
}

// exchange puts tmp in the place of the database. The kept database is a second name of the same file until the rename.
func (s Store) exchange(ctx context.Context, tmp string) error {
	if !s.linked() {
		settle(ctx, s.file())
		if err := s.Forget(); err != nil {
			return err
		}
	}
	if err := os.Link(s.file(), s.Replaced()); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("keep the replaced database: %w", err)
	}
	for _, end := range logs { // beside another database they would be applied to that
		if err := os.Rename(s.file()+end, s.Replaced()+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("keep the log of the replaced database: %w", err)
		}
	}
	if err := syncFolder(s.db()); err != nil {
		return err
	}
	return publish(tmp, s.file())
}

// settle brings the write-ahead log of a database into its file and removes it. A database that cannot be opened is left
// as it is, with its log, which is then kept with it.
func settle(ctx context.Context, file string) {
	if _, err := os.Stat(file); err != nil {
		return
	}
	db, err := sql.Open("sqlite3", file+"?_busy_timeout=30000")
	if err != nil {
		return
	}
	_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	_ = db.Close() // the last connection removes the log
}

// syncFolder makes what was done to names in a folder durable.
func syncFolder(dir string) error {
	err := atomicfile.SyncDir(filepath.Clean(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
