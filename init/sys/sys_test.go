package sys

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFileReplaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "two"} {
		if err := (Linux{}).WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(file)
	st, _ := os.Stat(file)
	if string(got) != "two" || st.Mode().Perm() != 0o600 {
		t.Errorf("%q %v", got, st.Mode())
	}
	if err := (Linux{}).WriteFile(file, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.Stat(file); !os.SameFile(st, again) {
		t.Error("the same content was written again: a full disk would fail who has nothing to say")
	}
	left, _ := os.ReadDir(filepath.Dir(file))
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := (Linux{}).WriteFile(filepath.Join(file, "x"), nil, 0o600); err == nil {
		t.Error("wrote below a file")
	}
}

func TestSymlinkReplaces(t *testing.T) {
	link := filepath.Join(t.TempDir(), "l")
	for _, to := range []string{"a", "b", "b"} {
		if err := (Linux{}).Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.Readlink(link); got != to {
			t.Errorf("%s: %s", to, got)
		}
	}
}

func TestFakeFails(t *testing.T) {
	bad := errors.New("busy")
	f := &Fake{Fail: map[string]error{"mount erofs": bad}}
	if err := f.Mount("erofs", "/mnt", "erofs", 1, ""); err != bad {
		t.Error(err)
	}
	if err := f.SetHostname("x"); err != nil || f.String() != "mount erofs /mnt erofs 0x1\nhostname x\n" {
		t.Errorf("%v %s", err, f)
	}
}
