package userfile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func TestDecode(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct{ encoding, content string }{
		{"", "hello"}, {"b64", b64("hello")}, {"base64", "aGVs\nbG8=\n"}, {"gz", zipped("hello")},
		{"gzip", zipped("hello")}, {"gz+b64", b64(zipped("hello"))}, {"gzip+base64", b64(zipped("hello"))},
	} {
		got, err := config.File{Content: c.content, Encoding: c.encoding}.Bytes()
		if err != nil || string(got) != "hello" {
			t.Errorf("%s: %q %v", c.encoding, got, err)
		}
	}
	for _, c := range []struct{ encoding, content string }{{"b64", "%"}, {"gz", "hello"}, {"gz+b64", b64("hello")}} {
		if _, err := (config.File{Content: c.content, Encoding: c.encoding}.Bytes()); err == nil {
			t.Errorf("%s of %q: no error", c.encoding, c.content)
		}
	}
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "etc"), 0o755)
	os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\napp:x:500:500::/:/bin/sh\n"), 0o644)
	os.WriteFile(filepath.Join(root, "etc/group"), []byte("web:x:33:\n"), 0o644)
	for _, c := range []struct {
		f    config.File
		want string
	}{
		{config.File{Path: "/a/b", Owner: "root:root", Permissions: "0644"}, "mkdir /a 0755\nwrite /a/b 0644\n"},
		{config.File{Path: "/a/b", Owner: "app:web", Permissions: "4755"}, "mkdir /a 0755\nwrite /a/b 0755\nchown /a/b 500:33 4755\n"},
		{config.File{Path: "/a/b", Owner: "7:8", Permissions: "0600"}, "mkdir /a 0755\nwrite /a/b 0600\nchown /a/b 7:8 0600\n"},
	} {
		fake := &sys.Fake{}
		if err := Write(fake, root, c.f); err != nil || fake.String() != c.want {
			t.Errorf("%+v: %v\n%s", c.f, err, fake)
		}
	}
	if err := Write(&sys.Fake{}, root, config.File{Path: "/a", Owner: "nobody:else", Permissions: "0644"}); err == nil {
		t.Error("an unknown owner was accepted")
	}
}

// TestOnDisk: the same with real system calls. A set-uid bit survives the change of owner, and an old file is replaced.
func TestOnDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	root := t.TempDir()
	path := filepath.Join(root, "deep/er/tool")
	for _, c := range []struct {
		owner, permissions string
		uid, gid           uint32
		mode               uint32
	}{
		{"7:8", "4750", 7, 8, 0o4750},
		{"root:root", "0600", 0, 0, 0o600},
		{"9", "0644", 9, 9, 0o644},
		{"root", "2755", 0, 0, 0o2755},
		{"root:root", "1777", 0, 0, 0o1777},
	} {
		f := config.File{Path: path, Content: base64.StdEncoding.EncodeToString([]byte(zipped("#!" + c.owner))), Encoding: "gz+b64", Owner: c.owner, Permissions: c.permissions}
		if err := Write(sys.Linux{}, "", f); err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || st.Uid != c.uid || st.Gid != c.gid || st.Mode&0o7777 != c.mode {
			t.Errorf("%s %s: %d:%d %o, %v", c.owner, c.permissions, st.Uid, st.Gid, st.Mode, err)
		}
		if got, _ := os.ReadFile(path); string(got) != "#!"+c.owner {
			t.Errorf("content %q", got)
		}
	}
}

// TestSameContentAnotherOwner: an unchanged file is not written again, and still gets its new owner.
func TestSameContentAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	path := filepath.Join(t.TempDir(), "f")
	var inode uint64
	for _, owner := range []string{"7:8", "7:8", "0:0", "9:9"} {
		if err := Write(sys.Linux{}, "", config.File{Path: path, Content: "x", Owner: owner, Permissions: "0640"}); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || fmt.Sprintf("%d:%d", st.Uid, st.Gid) != owner || inode != 0 && st.Ino != inode {
			t.Errorf("%s: %d:%d, inode %d, was %d, %v", owner, st.Uid, st.Gid, st.Ino, inode, err)
		}
		inode = st.Ino
	}
}

// TestRefused: if content or owner is invalid an older file is not changed.
func TestRefused(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]config.File{
		"base64": {Encoding: "b64", Content: "%%", Owner: "0:0", Permissions: "0644"},
		"half":   {Encoding: "gz", Content: zipped("hello, hello")[:20], Owner: "0:0", Permissions: "0644"},
		"octal":  {Content: "x", Owner: "0:0", Permissions: "rw-r--r--"},
		"user":   {Content: "x", Owner: "nobody-here:0", Permissions: "0644"},
		"group":  {Content: "x", Owner: "0:nobody-here", Permissions: "0644"},
	} {
		f.Path = path
		if err := Write(sys.Linux{}, root, f); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got, _ := os.ReadFile(path); string(got) != "old" {
			t.Errorf("%s: wrote %q", name, got)
		}
	}
}

// TestBomb: a small compressed content must not exhaust the machine's memory.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 64 + 1 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	if _, err := (config.File{Content: b.String(), Encoding: "gz"}.Bytes()); err == nil || b.Len() > 1<<20 {
		t.Errorf("%d bytes unpacked without limit: %v", b.Len(), err)
	}
}

// TestAppend: a file that is written at every boot gets the lines once.
func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := config.File{Path: path, Content: "two\nthree\n", Owner: "0:0", Permissions: "0644", Append: true}
	for before, want := range map[string]string{"": "two\nthree\n", "one": "one\ntwo\nthree\n", "one\n": "one\ntwo\nthree\n", "one two\nthree\n": "one two\nthree\ntwo\nthree\n", "two\nthree\nfour\n": "two\nthree\nfour\n"} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := Write(sys.Linux{}, "", f); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%q became %q, not %q", before, got, want)
		}
	}
}
