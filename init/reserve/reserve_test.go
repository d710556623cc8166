package reserve

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk fills a real file system: a write that failed before the reserve is released succeeds afterwards, and
// the reserve is allocated again once there is space.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=400m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	r := Reserve{Path: filepath.Join(dir, "reserve"), Dir: dir}
	want := func(when string, s State) {
		t.Helper()
		got, err := r.Look()
		s.Free, s.Size = got.Free, got.Size
		if err != nil || got != s {
			t.Fatalf("%s: %+v, %v", when, got, err)
		}
	}
	want("room", State{Held: true, Changed: true})
	want("again", State{Held: true})
	if st, err := os.Stat(r.Path); err != nil || st.Size() != 4<<20 || st.Mode().Perm() != 0o600 || st.Sys().(*syscall.Stat_t).Blocks*512 < 4<<20 {
		t.Fatalf("%v, %v: not a hundredth of the partition", st, err)
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	if err := os.WriteFile(filepath.Join(dir, "kine"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	want("full", State{Full: true, Changed: true})
	if err := os.WriteFile(filepath.Join(dir, "kine"), make([]byte, 1<<20), 0o600); err != nil {
		t.Errorf("after the reserve was given back: %v", err)
	}
	want("still nearly full", State{Full: true})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	want("room again", State{Held: true, Changed: true})
}

func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}

// TestBounds: the size of the reserve, and the range in which nothing changes.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		total, free int64
		held        bool
		size        int64
	}{
		"large": {1 << 40, 1 << 39, true, Most}, "small": {200 << 20, 100 << 20, true, 2 << 20}, "little room": {200 << 20, 7 << 20, false, 0}, "nothing": {0, 0, false, 0},
	} {
		dir := t.TempDir()
		r := Reserve{Path: filepath.Join(dir, "reserve"), Dir: dir, statfs: func(string) (int64, int64, error) { return c.total, c.free, nil }}
		s, err := r.Look()
		st, _ := os.Stat(r.Path)
		if err != nil || s.Held != c.held || (st != nil) != c.held || st != nil && st.Size() != c.size {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if _, err := (Reserve{Path: gone + "/reserve", Dir: gone}).Look(); err == nil {
		t.Error("a partition that is not there")
	}
}
