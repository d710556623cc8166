package sys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// place is a directory of which all that is above belongs to root.
func place(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can give directories away, and mount")
	}
	dir, err := os.MkdirTemp("/run", "dirs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stat(t *testing.T, path string) (st unix.Stat_t) {
	t.Helper()
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestOwnDir(t *testing.T) {
	dir := place(t)
	home := filepath.Join(dir, "home/ada")
	for range 2 {
		if err := (Linux{}).OwnDir(home, 61000, 61001, false); err != nil {
			t.Fatal(err)
		}
		if st := stat(t, home); st.Uid != 61000 || st.Gid != 61001 || st.Mode&0o7777 != 0o700 {
			t.Errorf("%+v", st)
		}
	}
	if err := os.Chmod(home, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := (Linux{}).OwnDir(home, 61002, 61002, false); err != nil || stat(t, home).Uid != 61000 || stat(t, home).Mode&0o777 != 0o755 {
		t.Errorf("not adopted: %v %+v", err, stat(t, home))
	}
	if err := (Linux{}).OwnDir(home, 61002, 61002, true); err != nil || stat(t, home).Uid != 61002 {
		t.Errorf("adopted: %v %+v", err, stat(t, home))
	}
	victim := filepath.Join(dir, "victim")
	if err := errors.Join(os.Mkdir(victim, 0o755), os.Symlink(victim, filepath.Join(dir, "home/eva")), os.WriteFile(filepath.Join(dir, "home/file"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"home/eva": "not a directory", "home/file": "not a directory", "home/ada/sub": "only root can write", "home/eva/x": "only root can write"} {
		if err := (Linux{}).OwnDir(filepath.Join(dir, path), 61000, 61000, true); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if stat(t, victim).Uid != 0 {
		t.Error("a link gave another directory away")
	}
}

func TestMountIn(t *testing.T) {
	dir := place(t)
	keys, home, victim := filepath.Join(dir, "keys"), filepath.Join(dir, "home"), filepath.Join(dir, "victim")
	for _, d := range []string{keys, home, victim} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mounted := filepath.Join(home, ".k")
	t.Cleanup(func() { _ = unix.Unmount(mounted, unix.MNT_DETACH); _ = unix.Unmount(mounted, unix.MNT_DETACH) })
	for range 2 {
		if err := (Linux{}).MountIn(keys, home, ".k"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(keys, "f"), nil, 0o644); err != nil || stat(t, filepath.Join(mounted, "f")).Uid != 0 {
		t.Error(err)
	}
	if err := os.Rename(mounted, mounted+"x"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("moved away: %v", err)
	}
	if err := unix.Unmount(mounted, 0); err != nil || os.Remove(mounted) != nil {
		t.Errorf("mounted twice: %v", err)
	}
	if err := os.Symlink(victim, mounted); err != nil {
		t.Fatal(err)
	}
	if err := (Linux{}).MountIn(keys, home, ".k"); err == nil {
		t.Error("mounted on what a link points to")
	}
	if err := (Linux{}).MountIn(keys, mounted, "x"); err == nil {
		t.Error("mounted below a link")
	}
}
