package erofs

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/erofs/go-erofs"

	"github.com/proa-os/proa/images/tree"
)

var when = time.Unix(1_700_000_000, 0)

var codecs = []Codec{None, LZ4, Zstd}

func entries() []tree.Entry {
	suid := tree.File("usr/bin/ping", 0o755|fs.ModeSetuid, tree.Bytes(bytes.Repeat([]byte{1, 2, 3}, 9000)))
	owned := tree.File("var/log", 0o640, tree.Bytes([]byte("x")))
	owned.UID, owned.GID = 70000, 12
	return []tree.Entry{
		suid, owned, tree.Dir("tmp", 0o777|fs.ModeSticky), tree.Symlink("bin", "usr/bin"),
		tree.CharDev("dev/console", 0o600, 5, 1), tree.File("etc/empty", 0o444, tree.Bytes(nil)),
	}
}

// image writes an image and returns its name. Its regions must cover it.
func image(t *testing.T, codec Codec, list []tree.Entry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "root.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	regions, err := Write(f, list, Options{codec, when})
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, r := range regions {
		sum += r.Stored
	}
	if sum != st.Size() || sum%BlockSize != 0 {
		t.Errorf("%d bytes in regions, %d in the image", sum, st.Size())
	}
	return name
}

// TestReadBack: another implementation reads what is not compressed.
func TestReadBack(t *testing.T) {
	list := append(entries(), forest(1)...)
	f, err := os.Open(image(t, None, list))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := erofs.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		st, err := fs.Lstat(img, e.Path)
		if err != nil {
			t.Fatal(err)
		}
		sys := st.Sys().(*erofs.Stat)
		if sys.Mode != e.Mode || int(sys.UID) != e.UID || int(sys.GID) != e.GID || !st.ModTime().Equal(when) {
			t.Errorf("%s: %v %d:%d %v, want %v %d:%d", e.Path, sys.Mode, sys.UID, sys.GID, st.ModTime(), e.Mode, e.UID, e.GID)
		}
		if e.Mode&fs.ModeDevice != 0 && sys.Rdev != device(e.Major, e.Minor) {
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
	for _, c := range codecs {
		a, err := os.ReadFile(image(t, c, forest(2)))
		b, err2 := os.ReadFile(image(t, c, forest(2)))
		if err != nil || err2 != nil || len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d and %d bytes, equal: %v, %v, %v", c, len(a), len(b), bytes.Equal(a, b), err, err2)
		}
	}
}

// TestRegionsAreTheirContents: the device makes a region from its content with nothing but the codec.
func TestRegionsAreTheirContents(t *testing.T) {
	for _, c := range codecs {
		var img recorder
		list := forest(3)
		regions, err := Write(&img, list, Options{c, when})
		if err != nil {
			t.Fatal(err)
		}
		content := map[string][]byte{}
		for _, e := range list {
			content[e.Path], _ = e.Content.ReadAll()
		}
		at := int64(0)
		for _, r := range regions {
			if got := img.b[at : at+r.Stored]; r.Path != "" && !bytes.Equal(got, encodeAll(t, c, content[r.Path])) {
				t.Errorf("%s: %s differs", c, r.Path)
			}
			at += r.Stored
		}
		if len(regions) < 10 || regions[0].Path != "" || regions[0].Content != regions[0].Stored {
			t.Errorf("%s: %d regions, the first %+v", c, len(regions), regions[0])
		}
	}
}

func encodeAll(t *testing.T, c Codec, content []byte) (out []byte) {
	t.Helper()
	for len(content) > 0 {
		n := min(len(content), Cluster)
		var err error
		if out, err = c.Encode(out, content[:n]); err != nil {
			t.Fatal(err)
		}
		content = content[n:]
	}
	return out
}

// recorder is an image in memory.
type recorder struct {
	b   []byte
	max int64 // longer images cannot be written; 0: any
}

func (r *recorder) WriteAt(p []byte, at int64) (int, error) {
	if r.max != 0 && at+int64(len(p)) > r.max {
		return 0, io.ErrShortWrite
	}
	if end := int(at) + len(p); end > len(r.b) {
		r.b = append(r.b, make([]byte, end-len(r.b))...)
	}
	return copy(r.b[at:], p), nil
}

func TestRefuses(t *testing.T) {
	short := tree.Bytes(make([]byte, 10000))
	short.Size++
	long := tree.Bytes(make([]byte, 10000))
	long.Size--
	gone := tree.Content{Size: 10000, Open: func() (io.ReadCloser, error) { return nil, fs.ErrNotExist }}
	foreign := tree.Dir("a", 0o755)
	foreign.UID = -1
	file := func(c tree.Content) []tree.Entry { return []tree.Entry{tree.File("a", 0o644, c)} }
	for want, list := range map[string][]tree.Entry{
		"a: content changed: 10001 bytes expected": file(short), "a: content changed: more than 9999 bytes": file(long), "a: file does not exist": file(gone),
		"a name of 256 bytes":              {tree.Dir(strings.Repeat("n", 256), 0o755)},
		"a: a symbolic link of 4096 bytes": {tree.Symlink("a", strings.Repeat("t", 4096))},
		"a: owner -1:0":                    {foreign}, "duplicate path": append(file(short), file(long)...),
	} {
		if _, err := Write(&recorder{}, list, Options{LZ4, when}); err == nil || !strings.HasPrefix(err.Error(), "erofs: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := Write(&recorder{}, nil, Options{"lz5-1", when}); err == nil || err.Error() != `erofs: unknown codec "lz5-1"` {
		t.Errorf("%v", err)
	}
	for _, max := range []int64{1, 30000} { // the metadata, the data
		if _, err := Write(&recorder{max: max}, entries(), Options{None, when}); err == nil || !strings.Contains(err.Error(), io.ErrShortWrite.Error()) {
			t.Errorf("%v", err)
		}
	}
}
