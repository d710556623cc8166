package iso

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/images/layout"
)

// TestPutConfig: another program reads the new config.yaml, and everything else as it was.
func TestPutConfig(t *testing.T) {
	name := write(t, spec())
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{[]byte("hostname: two\n"), bytes.Repeat([]byte{'#'}, ConfigRoom), {}, []byte("hostname: one\n")} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(PutConfig(f, text), f.Close()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		xorriso(t, "-osirrox", "on", "-indev", name, "-extract", "/"+layout.ConfigFile, filepath.Join(dir, "c"))
		if got, err := os.ReadFile(filepath.Join(dir, "c")); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes for %d, %v", len(got), len(text), err)
		}
	}
	if after, err := os.ReadFile(name); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the same text again makes another image (%v)", err)
	}
}

// TestNoRoom: what does not fit is refused, and so is an ISO of another program, before anything is written.
func TestNoRoom(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.iso")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, layout.ConfigFile), bytes.Repeat([]byte{'#'}, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	xorriso(t, "-as", "mkisofs", "-r", "-o", other, dir)
	for file, text := range map[string][]byte{other: []byte("hostname: two\n"), write(t, spec()): bytes.Repeat([]byte{'#'}, ConfigRoom+1)} {
		before, _ := os.ReadFile(file)
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = PutConfig(f, text)
		f.Close()
		if after, _ := os.ReadFile(file); err == nil || errors.Is(err, ErrNoRoom) != (file == other) || !bytes.Equal(before, after) {
			t.Errorf("%s: %v", file, err)
		}
		if _, err := ReadConfig(bytes.NewReader(before)); (err != nil) != (file == other) {
			t.Errorf("%s: read: %v", file, err)
		}
	}
	if _, err := ReadConfig(bytes.NewReader(make([]byte, 1<<20))); err == nil {
		t.Error("zeros are an ISO")
	}
}
