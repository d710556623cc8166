package releasefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadWhatJSONWrites(t *testing.T) {
	want := Release{Version: "v1", Commit: "c1", Kubernetes: "v1.37.2", Layout: 3, Board: map[string]any{"name": "pc"}}
	data, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "release.json")
	write(t, file, data)
	if diff := cmp.Diff(want, Read(file, "unknown")); diff != "" {
		t.Error(diff)
	}
}

// TestReadUnknown: without a usable file the version is "unknown".
func TestReadUnknown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "release.json")
	for _, text := range []string{"", "{}", "[]", `{"commit": "c1"}`} {
		write(t, file, []byte(text))
		if r := Read(file, "dev"); r.Version != "dev" || r.Kubernetes != "dev" {
			t.Errorf("%q: %+v", text, r)
		}
	}
	if r := Read(file+".none", "dev"); r.Version != "dev" {
		t.Errorf("%+v", r)
	}
}

// TestLoad: a file that cannot be read is an error.
func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "release.json")
	if _, err := Load(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for text, ok := range map[string]bool{"": false, `{"layout":1`: false, `{"layout":1}`: true} {
		write(t, file, []byte(text))
		if r, err := Load(file); (err == nil) != ok || ok && r.Layout != 1 {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}

func TestOSRelease(t *testing.T) {
	got := string(Release{Version: "v1.2.0-3-gABC-dirty"}.OSRelease())
	for _, line := range []string{"ID=proa", "VERSION_ID=v1.2.0-3-gabc-dirty", `PRETTY_NAME="proa v1.2.0-3-gABC-dirty"`} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
}

func TestBuilt(t *testing.T) {
	root, at := t.TempDir(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if got := Built(root); !got.IsZero() {
		t.Error(got)
	}
	file := filepath.Join(root, Path)
	write(t, file, nil)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
	if got := Built(root); !got.Equal(at) {
		t.Error(got)
	}
}
