package preload

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// TestWhateverTheUserBrings: usable archives are imported; the others are reported with their cause, and have no image.
func TestWhateverTheUserBrings(t *testing.T) {
	b := newBench(t)
	app := func() map[string]string { return map[string]string{"app": strings.Repeat("x", 20000), "etc/conf": "1"} }
	img := image(t, runtime.GOARCH, app(), map[string]string{"more": "2"})
	plain := docker(t, "example.org/x:1", img)
	good := map[string][]byte{
		"docker.tar":    docker(t, "example.org/docker:1", img),
		"oci.tar":       oci(t, "example.org/oci:1", img),
		"gz.tar.gz":     packed(t, docker(t, "example.org/gz:1", img), func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"tgz.tgz":       packed(t, oci(t, "example.org/tgz:1", img), func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"zst.tar.zst":   packed(t, docker(t, "example.org/zst:1", img), func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }),
		"lz4.tar.lz4":   packed(t, docker(t, "example.org/lz4:1", img), func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }),
		"short.tar":     docker(t, "short:1", img), // docker.io/library/short:1
		"notzipped.tgz": docker(t, "example.org/notzipped:1", img),
	}
	for name, data := range good {
		b.put(b.p.User, name, data)
	}
	bad := map[string]struct {
		data []byte
		says string
	}{
		"cut.tar":      {plain[:len(plain)/2], "unexpected EOF"},
		"empty.tar":    {nil, "unrecognized image format"},
		"text.tar":     {bytes.Repeat([]byte("no archive\n"), 100), "invalid tar header"},
		"cutgz.tar.gz": {good["gz.tar.gz"][:len(good["gz.tar.gz"])/2], "unexpected EOF"},
		"other.tar":    {docker(t, "example.org/other:1", image(t, "s390x", app())), "for linux/s390x, this node is linux/" + runtime.GOARCH},
		"otheroci.tar": {oci(t, "example.org/otheroci:1", image(t, "s390x", app())), "for linux/s390x"},
		"nameless.tar": {oci(t, "", img), "names no image"},
		"damaged.tar":  {damage(t, oci(t, "example.org/damaged:1", image(t, runtime.GOARCH, map[string]string{"only": "here"})), `"created"`), "not found"},
		"app.tar.xz":   {plain, "not an archive by its name"},
		"names.txt":    {[]byte("# mine\nnot a name\n"), `"not a name"`},
	}
	for name, c := range bad {
		b.put(b.p.User, name, c.data)
	}
	if err := os.Mkdir(filepath.Join(b.p.User, "folder.tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(b.p.User, "link.tar")); err != nil {
		t.Fatal(err)
	}
	b.put(b.p.User, ".app.tar.Xy12", plain[:100])
	b.start()
	for name := range good {
		ref, _, _ := strings.Cut(name, ".")
		ref = "example.org/" + ref + ":1"
		if ref == "example.org/short:1" {
			ref = "docker.io/library/short:1"
		}
		if !b.has(ref) || b.told("/"+name) != "" {
			t.Errorf("%s: no %s; %s", name, ref, b.told("/"+name))
		}
	}
	for name, c := range bad {
		if told := b.told("/" + name); !strings.Contains(told, c.says) || !strings.HasSuffix(told, "; left out") {
			t.Errorf("%s: told %q, want %q", name, told, c.says)
		}
	}
	for name, says := range map[string]string{"folder.tar": "not a regular file", "link.tar": "no such file"} {
		if told := b.told(name); !strings.Contains(told, says) {
			t.Errorf("%s: told %q, want %q", name, told, says)
		}
	}
	if told := b.told(".app.tar"); told != "" {
		t.Error(told)
	}
	for _, ref := range []string{"example.org/x:1", "example.org/other:1", "example.org/otheroci:1", "example.org/damaged:1"} {
		if _, err := b.c.GetImage(context.Background(), ref); err == nil {
			t.Errorf("%s has a name, though it could not be unpacked", ref)
		}
	}
	if b.start(); len(b.imported) != len(bad)-2 { // app.tar.xz and names.txt are not tried
		t.Errorf("the next start imported %q again", b.imported)
	}
}

// damage changes a byte of a layer, so that its digest does not match.
func damage(t *testing.T, data []byte, where string) []byte {
	t.Helper()
	at := bytes.Index(data, []byte(where))
	if at < 0 {
		t.Fatalf("no %q in the archive", where)
	}
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

// TestArchiveThatIsBeingCopied: an archive is imported once it has stopped growing, and its problem is solved.
func TestArchiveThatIsBeingCopied(t *testing.T) {
	b := newBench(t)
	data := docker(t, "example.org/app:1", image(t, runtime.GOARCH, map[string]string{"app": "x"}))
	pass := func() {
		if err := b.p.pass(context.Background(), b.c, false); err != nil {
			t.Fatal(err)
		}
	}
	b.put(b.p.User, "app.tar", data[:len(data)/3])
	b.start()
	if b.told("app.tar") == "" {
		t.Error("half an archive was not told of")
	}
	b.put(b.p.User, "app.tar", data[:len(data)/2])
	pass()
	b.put(b.p.User, "app.tar", data)
	pass()
	if len(b.imported) != 1 {
		t.Errorf("tried while it grew: %q", b.imported)
	}
	pass()
	if !b.has("example.org/app:1") || b.told("app.tar") != "" {
		t.Errorf("whole now: %q", b.told("app.tar"))
	}
	pass()
	if len(b.imported) != 2 {
		t.Errorf("imported again and again: %q", b.imported)
	}
	if err := os.Remove(filepath.Join(b.p.User, "app.tar")); err != nil {
		t.Fatal(err)
	}
	pass()
	if b.has("example.org/app:1") {
		t.Error("still pinned, though its archive is gone")
	}
}
