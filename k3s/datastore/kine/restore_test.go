package kine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// left is a server's directory as a killed server left it: files and a log with the value new, which the copy at to has not.
func left(t *testing.T, to string) (dir string) {
	t.Helper()
	from, dir := t.TempDir(), t.TempDir()
	client, stop := open(t, from)
	defer stop()
	if _, err := client.Put(t.Context(), "/registry/pods/a", "old"); err != nil {
		t.Fatal(err)
	}
	if err := At(from).Copy(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), "/registry/pods/a", "new"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(At(dir).db(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		text, err := os.ReadFile(At(from).file() + end)
		if err := errors.Join(err, os.WriteFile(At(dir).file()+end, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRestoreOfWhatCannotBeOpened: a database that SQLite does not open is replaced as well, and kept as it is.
func TestRestoreOfWhatCannotBeOpened(t *testing.T) {
	to := filepath.Join(t.TempDir(), "copy")
	dir := left(t, to)
	for _, end := range []string{"", "-wal"} {
		if err := os.WriteFile(At(dir).file()+end, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := At(dir).Restore(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if got := value(t, dir, "/registry/pods/a"); got != "old" {
		t.Errorf("restored: %q", got)
	}
	if kept, err := os.ReadFile(At(dir).Replaced()); err != nil || !strings.HasPrefix(string(kept), "not a database") {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	if !At(dir).Exchanged() {
		t.Error("it does not say that it was exchanged")
	}
	if err := At(dir).Forget(); err != nil || At(dir).Exchanged() {
		t.Errorf("after forgetting: %v", err)
	}
}

// TestRestoreCutAnywhere: a power cut is the list of what was done to names so far. After each, the next Restore ends as
// the first would have, and what is kept still has the last transaction.
func TestRestoreCutAnywhere(t *testing.T) {
	for cut := range 5 {
		to := filepath.Join(t.TempDir(), "copy")
		dir := left(t, to)
		s := At(dir)
		done := []func() error{
			func() error { return os.WriteFile(s.file()+tempSuffix, []byte("half"), 0o600) },
			func() error { return os.Link(s.file(), s.Replaced()) },
			func() error { return os.Rename(s.file()+"-wal", s.Replaced()+"-wal") },
			func() error { return os.Rename(s.file()+"-shm", s.Replaced()+"-shm") },
		}
		for _, do := range done[:cut] {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		if s.Exchanged() {
			t.Errorf("cut %d: it says that it was exchanged", cut)
		}
		if err := s.Restore(t.Context(), to); err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		if got := value(t, dir, "/registry/pods/a"); got != "old" {
			t.Errorf("cut %d: restored %q", cut, got)
		}
		kept := filepath.Join(t.TempDir(), "kept")
		if err := os.Mkdir(kept, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"", "-wal"} {
			if text, err := os.ReadFile(s.Replaced() + end); err == nil {
				_ = os.MkdirAll(At(kept).db(), 0o700)
				_ = os.WriteFile(At(kept).file()+end, text, 0o600)
			}
		}
		if got := value(t, kept, "/registry/pods/a"); got != "new" {
			t.Errorf("cut %d: kept %q", cut, got)
		}
	}
}

// TestLoss counts what was written since a copy, by resource.
func TestLoss(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	client, stop := open(t, dir)
	defer stop()
	put := func(key string) {
		if _, err := client.Put(context.Background(), key, "v"); err != nil {
			t.Fatal(err)
		}
	}
	put("/registry/pods/default/old")
	if err := At(dir).Copy(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if l, err := At(dir).Loss(t.Context(), to); err != nil || l.String() != "nothing was written since" {
		t.Errorf("%v, %v", l, err)
	}
	for i := range 3 {
		put(fmt.Sprintf("/registry/pods/default/%d", i))
		put("/registry/leases/kube-node-lease/n")
	}
	put("/registry/example.org/boats/default/proa")
	const old = "/registry/pods/default/old"
	got, err := client.Get(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Txn(t.Context()).If(clientv3.Compare(clientv3.ModRevision(old), "=", got.Kvs[0].ModRevision)).
		Then(clientv3.OpDelete(old)).Else(clientv3.OpGet(old)).Commit(); err != nil { // as the API server deletes
		t.Fatal(err)
	}
	want := "8 writes to 6 objects (pods 4, boats.example.org 1, leases 1)"
	if l, err := At(dir).Loss(t.Context(), to); err != nil || l.String() != want {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := At(dir).Loss(t.Context(), to+"x"); err == nil {
		t.Error("no such copy")
	}
}
