package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSortAddsParentsAndKeepsChildrenTogether(t *testing.T) {
	sorted, err := Sort([]Entry{
		File("a.txt", 0o644, Bytes(nil)), File("a/b/c", 0o644, Bytes(nil)), Dir("a", 0o700), File("a-b", 0o644, Bytes(nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range sorted {
		got = append(got, e.Path+" "+e.Mode.String())
	}
	want := []string{". drwxr-xr-x", "a drwx------", "a/b drwxr-xr-x", "a/b/c -rw-r--r--", "a-b -rw-r--r--", "a.txt -rw-r--r--"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSortRefuses(t *testing.T) {
	ok := File("x", 0o644, Bytes(nil))
	for name, entries := range map[string][]Entry{
		"absolute":         {Dir("/etc", 0o755)},
		"leaving":          {Dir("../etc", 0o755)},
		"unclean":          {Dir("etc//x", 0o755)},
		"twice":            {ok, Symlink("x", "y")},
		"below a file":     {ok, File("x/y", 0o644, Bytes(nil))},
		"no target":        {Symlink("l", "")},
		"Unix mode":        {File("su", 0o4755, Bytes(nil))},
		"socket":           {{Path: "s", Mode: fs.ModeSocket}},
		"size, no content": {{Path: "f", Content: Content{Size: 3}}},
	} {
		if _, err := Sort(entries); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestContentMustBeAsLongAsSaid(t *testing.T) {
	for _, size := range []int64{2, 4} {
		c := Content{size, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil }}
		if _, err := c.ReadAll(); err == nil {
			t.Errorf("3 bytes passed as %d", size)
		}
	}
	broken := Content{1, func() (io.ReadCloser, error) { return nil, errors.New("gone") }}
	if _, err := broken.ReadAll(); err == nil {
		t.Error("a content that cannot be opened was read")
	}
}

func TestHostFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := HostFile(name)
	if err != nil || c.Size != 5 {
		t.Fatalf("%d bytes, %v", c.Size, err)
	}
	for range 2 { // a content can be read twice
		if got, err := c.ReadAll(); err != nil || string(got) != "hello" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := HostFile(t.TempDir()); err == nil {
		t.Error("a directory has content")
	}
}

func TestWriteTar(t *testing.T) {
	suid := File("bin/su", 0o755|fs.ModeSetuid, Bytes([]byte("su")))
	suid.UID = 70000
	var b bytes.Buffer
	when := time.Unix(1_700_000_000, 7)
	if err := WriteTar(&b, []Entry{suid, Symlink("sbin", "bin"), CharDev("dev/null", 0o666, 1, 3)}, when); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Name, Link string
		Type       byte
		Mode, Size int64
		UID        int
		Minor      int64
	}
	var got []row
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when.Truncate(time.Second)) || h.Uname != "" {
			t.Errorf("%s: %v, owner %q", h.Name, h.ModTime, h.Uname)
		}
		got = append(got, row{h.Name, h.Linkname, h.Typeflag, h.Mode, h.Size, h.Uid, h.Devminor})
	}
	want := []row{
		{"./", "", '5', 0o755, 0, 0, 0}, {"bin/", "", '5', 0o755, 0, 0, 0}, {"bin/su", "", '0', 0o4755, 2, 70000, 0},
		{"dev/", "", '5', 0o755, 0, 0, 0}, {"dev/null", "", '3', 0o666, 0, 0, 3}, {"sbin", "bin", '2', 0o777, 0, 0, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnixMode(t *testing.T) {
	for mode, want := range map[fs.FileMode]uint32{
		0o644: 0o100644, fs.ModeDir | fs.ModeSticky | 0o777: 0o041777, fs.ModeSymlink | 0o777: 0o120777,
		fs.ModeDevice | 0o660: 0o060660, fs.ModeDevice | fs.ModeCharDevice | 0o600: 0o020600, fs.ModeNamedPipe | 0o600: 0o010600,
		fs.ModeSetgid | 0o755: 0o102755,
	} {
		if got := UnixMode(mode); got != want {
			t.Errorf("%v: %o, want %o", mode, got, want)
		}
	}
}
