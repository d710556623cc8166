package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alone fails if there is any other file than this one in its directory.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, c := range []struct {
		data string
		perm fs.FileMode
	}{{"long content, replaced by a short one", 0o600}, {"x", 0o666}, {"", 0o640}} {
		if err := Write(path, []byte(c.data), c.perm); err != nil {
			t.Fatal(err)
		}
		info, _ := os.Stat(path)
		if got := read(t, path); got != c.data || info.Mode() != c.perm {
			t.Errorf("%q, %v; want %q, %v", got, info.Mode(), c.data, c.perm)
		}
		alone(t, path)
	}
}

// TestLeftover: a temporary file that an interrupted write left does not affect the next write.
func TestLeftover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".f"+Suffix), bytes.Repeat([]byte{'x'}, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), 0o600); err != nil || read(t, path) != "new" {
		t.Errorf("%q, %v", read(t, path), err)
	}
	alone(t, path)
}

func TestLinkIsReplaced(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	path := filepath.Join(t.TempDir(), "f")
	if err := errors.Join(os.WriteFile(other, []byte("other"), 0o600), os.Symlink(other, path), Write(path, []byte("new"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if read(t, other) != "other" || read(t, path) != "new" {
		t.Error("a symbolic link was written through")
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", ".", "/", dir + "/.."} {
		if err := Write(path, nil, 0o600); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for path, want := range map[string]string{fifo: "not a regular file", dir: "not a regular file", filepath.Join(dir, "no", "f"): "no such file"} {
		if err := Write(path, nil, 0o600); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWriteIfChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for i, c := range []struct {
		data    string
		perm    fs.FileMode
		changed bool
	}{{"a", 0o600, true}, {"a", 0o600, false}, {"b", 0o600, true}, {"b", 0o644, true}, {"b", 0o644, false}} {
		changed, err := WriteIfChanged(path, []byte(c.data), c.perm)
		if err != nil || changed != c.changed || read(t, path) != c.data {
			t.Errorf("%d: changed %v, %v", i, changed, err)
		}
	}
}

// TestFullDisk: a write to a full disk fails, keeps the old content and leaves no temporary file; a write of the same
// content needs no space and succeeds.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	path := filepath.Join(dir, "f")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, make([]byte, 128<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if changed, err := WriteIfChanged(path, []byte("old"), 0o600); changed || err != nil || read(t, path) != "old" {
		t.Errorf("what is there already: changed %v, %v", changed, err)
	}
	alone(t, path)
}

// TestWriters: concurrent writers never mix their contents.
func TestWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				if err := Write(path, bytes.Repeat([]byte{byte('a' + i)}, 10000+i), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := read(t, path)
	if len(got) != 10000+int(got[0]-'a') || strings.Trim(got, got[:1]) != "" {
		t.Errorf("a mixture of %d bytes", len(got))
	}
	alone(t, path)
}
