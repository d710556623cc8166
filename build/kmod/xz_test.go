package kmod

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// blocksOf packs a text into an xz stream of several blocks.
func blocksOf(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{BlockSize: 1000}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpacked(t *testing.T) {
	text := strings.Repeat("module ", 1000)
	packed := blocksOf(t, text)
	file := filepath.Join(t.TempDir(), "a.ko.xz")
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := unpacked(file)
	if err != nil || c.Size != int64(len(text)) {
		t.Fatalf("%d bytes, want %d; %v", c.Size, len(text), err)
	}
	for range 2 { // a content can be read again
		if got, err := c.ReadAll(); err != nil || string(got) != text {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

// TestDamaged: no part of a module becomes one, and a flipped bit makes no other one.
func TestDamaged(t *testing.T) {
	text := strings.Repeat("module ", 300)
	packed := blocksOf(t, text)
	dir := t.TempDir()
	try := func(b []byte) bool {
		file := filepath.Join(dir, "a.ko.xz")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := unpacked(file)
		if err != nil {
			return false
		}
		got, err := c.ReadAll()
		return err == nil && (len(b) < len(packed) || string(got) != text)
	}
	for n := range packed {
		if try(packed[:n]) {
			t.Errorf("the first %d of %d bytes were taken", n, len(packed))
		}
		b := bytes.Clone(packed)
		b[n] ^= 0x10
		if try(b) {
			t.Errorf("byte %d of %d was changed and taken", n, len(packed))
		}
	}
	if _, err := unpacked(filepath.Join(dir, "none")); err == nil {
		t.Error("no file was taken")
	}
}
