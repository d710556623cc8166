package firstboot

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/sys"
)

func open(t *testing.T, root string) *Book {
	t.Helper()
	write := func(path string, b []byte, mode os.FileMode) error {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o700); err != nil {
			return err
		}
		return sys.Linux{}.WriteFile(filepath.Join(root, path), b, mode)
	}
	b, err := Open(root, write)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOnce: what is recorded is known at the next boot; a command whose text has changed, or that is there once more,
// is a new one.
func TestOnce(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	old := []string{"a", "b", "a"}
	if b.Ran(old, 0) || b.Powered() || b.PhonedHome() {
		t.Error("an empty record knows something")
	}
	if err := b.SetRan(old, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.SetPowered(); err != nil {
		t.Fatal(err)
	}
	b = open(t, root)
	if !b.Ran(old, 0) || b.Ran(old, 1) || b.Ran(old, 2) || !b.Powered() || b.PhonedHome() {
		t.Errorf("%+v", b.r)
	}
	if changed := []string{"b", "a", "a "}; b.Ran(changed, 0) || !b.Ran(changed, 1) || b.Ran(changed, 2) {
		t.Errorf("%+v", b.r)
	}
	st, err := os.Stat(filepath.Join(root, File))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// TestUnknown: a record that cannot be read is no empty one, and one that cannot be written is not taken for written.
func TestUnknown(t *testing.T) {
	for _, content := range []string{"", "{", "\x00\x00"} {
		root := t.TempDir()
		os.MkdirAll(filepath.Join(root, filepath.Dir(File)), 0o700)
		os.WriteFile(filepath.Join(root, File), []byte(content), 0o600)
		if _, err := Open(root, nil); err == nil {
			t.Errorf("%q was read", content)
		}
	}
	b, err := Open(t.TempDir(), func(string, []byte, os.FileMode) error { return unix.EROFS })
	if err != nil {
		t.Fatal(err)
	}
	if b.SetPowered() == nil || b.Powered() {
		t.Error("recorded on a disk that is read-only")
	}
}
