package transport

import (
	"archive/tar"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// release is a directory with two files of a release, and things that are none.
func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "metadata"), 0o755), os.MkdirAll(filepath.Join(dir, "targets/pc/v2"), 0o755),
		os.WriteFile(filepath.Join(dir, "metadata/root.json"), []byte("{}"), 0o644),
		os.WriteFile(filepath.Join(dir, "targets/pc/v2/abc.full"), content(), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// look reads both files of the release from a source.
func look(t *testing.T, s Source) {
	t.Helper()
	if b, err := Get(t.Context(), s, "targets/pc/v2/abc.full", 3e6, 4e6); err != nil || !bytes.Equal(b, content()) {
		t.Errorf("%s: %d bytes, %v", s, len(b), err)
	}
	if b, err := Get(t.Context(), s, "metadata/root.json", Unknown, 10); err != nil || string(b) != "{}" {
		t.Errorf("%s: %q, %v", s, b, err)
	}
	if _, err := Get(t.Context(), s, "metadata/2.root.json", Unknown, 10); !errors.Is(err, ErrMissing) {
		t.Errorf("%s: %v", s, err)
	}
	if _, err := Get(t.Context(), s, "targets/pc/v2/abc.full", 5, 10); err == nil || !strings.Contains(err.Error(), "has 3000000 bytes, expected are 5") && !strings.Contains(err.Error(), "3000000 bytes there, expected are 5") {
		t.Errorf("%s: %v", s, err)
	}
	if _, err := Get(t.Context(), s, "targets/pc/v2/abc.full", Unknown, 10); err == nil || !strings.Contains(err.Error(), "longer than the 10 bytes") {
		t.Errorf("%s: %v", s, err)
	}
	f, err := s.Open(t.Context(), "targets/pc/v2/abc.full", 3e6)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1000)
	for _, at := range []int64{2_000_000, 10, 1_500_000} {
		f.Until(at + 1000)
		if n, err := f.ReadAt(t.Context(), b, at); err != nil || !bytes.Equal(b[:n], content()[at:at+1000]) {
			t.Errorf("%s at %d: %d, %v", s, at, n, err)
		}
	}
	if f.Received() < 1000 {
		t.Errorf("%s: %d bytes were transferred", s, f.Received())
	}
}

// TestEverywhere: the same release in a directory, in a bundle made by tar(1), and both on a server.
func TestEverywhere(t *testing.T) {
	dir := release(t)
	bundle := filepath.Join(t.TempDir(), "release.tar")
	if out, err := exec.Command("tar", "--format=ustar", "-C", dir, "-cf", bundle, "metadata/root.json", "targets/pc/v2/abc.full").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	look(t, Dir{dir})
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	look(t, web(t, server.URL))
	f, err := OpenPath(bundle)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBundle(t.Context(), bundle, f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	look(t, b)
	one := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(bundle))))
	defer one.Close()
	remote, err := OpenBundle(t.Context(), "bundle", web(t, one.URL+"/release.tar").OpenURL(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	look(t, remote)
}

// TestBadBundles: what is no bundle, or one that could mislead, is refused.
func TestBadBundles(t *testing.T) {
	file := func(h tar.Header) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for range 2 {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(make([]byte, h.Size)) // Close says what is missing
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	good := file(tar.Header{Name: "a", Size: 2000, Mode: 0o644, Format: tar.FormatUSTAR})
	for want, text := range map[string]string{
		"is there twice":              good,
		"a is cut off":                good[:1000],
		"invalid tar header":          strings.Repeat("x", 1024),
		"no name of a file":           file(tar.Header{Name: "../a", Mode: 0o644}),
		"a is no regular file":        file(tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}),
		"no regular file as USTAR ha": file(tar.Header{Name: "a", ModTime: time.Unix(1, 5), Format: tar.FormatPAX, Mode: 0o644}),
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := OpenPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBundle(t.Context(), path, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		f.Close()
	}
}

// TestDir: links that lead out, directories and devices are no files of a release.
func TestDir(t *testing.T) {
	dir := release(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "metadata", "../x", "nowhere"} {
		if _, err := (Dir{dir}).Open(t.Context(), name, Unknown); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	f, err := Dir{dir}.Open(t.Context(), "targets/pc/v2/abc.full", 3e6)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(filepath.Join(dir, "targets/pc/v2/abc.full"), 1000); err != nil {
		t.Fatal(err)
	}
	if n, err := f.ReadAt(t.Context(), make([]byte, 2000), 0); n != 1000 || err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("cut while it is read: %d, %v", n, err)
	}
}
