package kine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// value reads a key of the database below dir.
func value(t *testing.T, dir, key string) string {
	t.Helper()
	client, stop := open(t, dir)
	defer stop()
	got, err := client.Get(t.Context(), key)
	if err != nil || len(got.Kvs) > 1 {
		t.Fatalf("%s: %v, %v", key, got, err)
	}
	if len(got.Kvs) == 0 {
		return ""
	}
	return string(got.Kvs[0].Value)
}

// as is a server's directory whose database is a copy of file.
func as(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(file)
	if err := errors.Join(err, os.MkdirAll(At(dir).db(), 0o700), os.WriteFile(At(dir).file(), text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCopyBesideWriters: while a client writes, each copy is a database of its own with everything that was acknowledged
// before, and no write waits for it.
func TestCopyBesideWriters(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	client, stop := open(t, dir)
	stopped, wrote := make(chan struct{}), make(chan int, 1)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stopped:
				wrote <- n
				return
			default:
			}
			if _, err := client.Put(context.Background(), fmt.Sprintf("/registry/pods/%d", n), "x"); err != nil {
				t.Error(err)
			}
		}
	}()
	if _, err := client.Put(t.Context(), "/registry/pods/first", "before"); err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Copy(t.Context(), to); err != nil {
		t.Error(err)
	}
	close(stopped)
	if n := <-wrote; n == 0 {
		t.Error("nothing was written meanwhile")
	}
	stop()
	if got := value(t, as(t, to), "/registry/pods/first"); got != "before" {
		t.Errorf("the copy has %q", got)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := At(dir).Copy(t.Context(), to); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over an existing file: %v", err)
	}
}

// TestCopyIsWholeOrNotThere: when it is refused or stopped, no file is left.
func TestCopyIsWholeOrNotThere(t *testing.T) {
	dir, _ := filled(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Logf("mount: %v", err)
		small = ""
	} else {
		t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		dir  string
		to   string
		want string
	}{
		"stopped":     {gone, dir, t.TempDir(), "canceled"},
		"no room":     {t.Context(), dir, small, "has room for 1 MiB"},
		"no database": {t.Context(), t.TempDir(), t.TempDir(), "no such file"},
	} {
		if c.to == "" {
			continue
		}
		if err := At(c.dir).Copy(c.ctx, filepath.Join(c.to, "copy")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(c.to, "*")); left != nil {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

// TestRestore: after a restore the database has what the copy had, whatever was written since, in its log too; the
// replaced one is kept.
func TestRestore(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	put := func(text string) (stop func()) {
		client, stop := open(t, dir)
		if _, err := client.Put(t.Context(), "/registry/pods/a", text); err != nil {
			t.Fatal(err)
		}
		return stop
	}
	put("old")()
	if err := At(dir).Copy(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	stop := put("new")
	if err := At(dir).Restore(t.Context(), to); err == nil || !strings.Contains(err.Error(), "the server is running") {
		t.Errorf("beside the server: %v", err)
	}
	stop()
	if err := At(dir).Restore(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if got := value(t, dir, "/registry/pods/a"); got != "old" {
		t.Errorf("restored: %q", got)
	}
	if got := value(t, as(t, At(dir).file()+".replaced"), "/registry/pods/a"); got != "new" {
		t.Errorf("kept: %q", got)
	}
}

// TestRestoreAfterAKill: the log that a killed server left belongs to the replaced database and is not applied to the
// restored one.
func TestRestoreAfterAKill(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	client, stop := open(t, dir)
	if _, err := client.Put(t.Context(), "/registry/pods/a", "old"); err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Copy(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), "/registry/pods/a", "new"); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir() // the files as they lie now, with the log
	if err := os.MkdirAll(At(killed).db(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		text, err := os.ReadFile(At(dir).file() + end)
		if err := errors.Join(err, os.WriteFile(At(killed).file()+end, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := At(killed).Restore(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(At(killed).file() + "-wal"); err == nil {
		t.Error("the log of the replaced database is still there")
	}
	if got := value(t, killed, "/registry/pods/a"); got != "old" {
		t.Errorf("restored: %q", got)
	}
	if got := value(t, as(t, At(killed).file()+".replaced"), "/registry/pods/a"); got != "new" {
		t.Errorf("kept: %q", got)
	}
}

func TestRestoreRefusesDamage(t *testing.T) {
	dir, file := filled(t)
	bad := filepath.Join(t.TempDir(), "bad")
	text, err := os.ReadFile(file)
	for i := 3 * 4096; i < len(text); i++ {
		text[i] = 0x5a
	}
	if err := errors.Join(err, os.WriteFile(bad, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Restore(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
	if got := value(t, dir, "/registry/pods/7"); len(got) != 500 {
		t.Errorf("the database in use has %d bytes there", len(got))
	}
}
