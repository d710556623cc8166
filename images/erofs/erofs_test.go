package erofs

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/erofs/go-erofs"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/tree"
)

func entries() []tree.Entry {
	suid := tree.File("usr/bin/ping", 0o755|fs.ModeSetuid, tree.Bytes(bytes.Repeat([]byte{1, 2, 3}, 9000)))
	owned := tree.File("var/log", 0o640, tree.Bytes([]byte("x")))
	owned.UID, owned.GID = 70000, 12
	return []tree.Entry{
		suid, owned, tree.Dir("tmp", 0o777|fs.ModeSticky), tree.Symlink("bin", "usr/bin"),
		tree.CharDev("dev/console", 0o600, 5, 1), tree.File("etc/empty", 0o444, tree.Bytes(nil)),
	}
}

func write(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "root.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Write(f, entries(), time.Unix(1_700_000_000, 0), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadBack(t *testing.T) {
	f, err := os.Open(write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := erofs.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries() {
		st, err := fs.Lstat(img, e.Path)
		if err != nil {
			t.Fatal(err)
		}
		sys := st.Sys().(*erofs.Stat)
		if sys.Mode != e.Mode || int(sys.UID) != e.UID || int(sys.GID) != e.GID || st.ModTime().Unix() != 1_700_000_000 {
			t.Errorf("%s: %v %d:%d %v, want %v %d:%d", e.Path, sys.Mode, sys.UID, sys.GID, st.ModTime(), e.Mode, e.UID, e.GID)
		}
		if e.Major != 0 && sys.Rdev != 0x501 {
			t.Errorf("%s: device %#x", e.Path, sys.Rdev)
		}
		if e.Mode.IsRegular() {
			got, err := fs.ReadFile(img, e.Path)
			if want, _ := e.Content.ReadAll(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", e.Path, len(got), err)
			}
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	a, err := os.ReadFile(write(t))
	b, err2 := os.ReadFile(write(t))
	if err != nil || err2 != nil || len(a) == 0 || !bytes.Equal(a, b) || len(a)%BlockSize != 0 {
		t.Errorf("%d and %d bytes, equal: %v, %v, %v", len(a), len(b), bytes.Equal(a, b), err, err2)
	}
}

func TestFsckFindsNothing(t *testing.T) {
	bin := oracle.Tool(t, "fsck.erofs")
	out, err := exec.Command(bin, "--extract", write(t)).CombinedOutput()
	if err != nil {
		t.Errorf("fsck.erofs: %v\n%s", err, out)
	}
}
