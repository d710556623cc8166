package erofs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/tree"
)

// TestImage: an image says which regions it was written with, and gives back the content of each.
func TestImage(t *testing.T) {
	for _, codec := range codecs {
		list := forest(3)
		name := filepath.Join(t.TempDir(), "root.img")
		out, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		want, err := Write(out, list, Options{codec, when})
		if err != nil {
			t.Fatal(err)
		}
		m, err := Open(out)
		if err != nil {
			t.Fatal(err)
		}
		if m.Codec() != codec || !slices.Equal(m.Regions(), want) {
			t.Errorf("%s: %s with %d regions, want %d", codec, m.Codec(), len(m.Regions()), len(want))
		}
		contents(t, m, list)
	}
}

// contents reads each file as a whole and a part of it.
func contents(t *testing.T, m *Image, list []tree.Entry) {
	t.Helper()
	found := 0
	for _, e := range list {
		if e.Content.Size <= BlockSize {
			continue
		}
		found++
		want, err := e.Content.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		got, half := make([]byte, len(want)), len(want)/2+1
		if err := m.ReadContent(e.Path, 0, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s has another content: %v", m.codec, e.Path, err)
		}
		if err := m.ReadContent(e.Path, int64(half), got[half:]); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s has another content behind %d: %v", m.codec, e.Path, half, err)
		}
		if err := m.ReadContent(e.Path, 1, got); err == nil {
			t.Errorf("%s: %s can be read behind its end", m.codec, e.Path)
		}
	}
	if found != len(m.Regions())-1 {
		t.Errorf("%s: %d files have regions, want %d", m.codec, len(m.Regions())-1, found)
	}
}

// TestReadFile: every regular file can be read by its path, and nothing else.
func TestReadFile(t *testing.T) {
	for _, codec := range codecs {
		list := append(entries(), tree.File("d/odd-a\nb", 0o600, tree.Bytes([]byte("odd"))), tree.File("d/block", 0o600, tree.Bytes(make([]byte, BlockSize))),
			tree.File("d/more", 0o600, tree.Bytes(bytes.Repeat([]byte("x"), BlockSize+1))))
		for i := range 300 { // several blocks of names
			list = append(list, tree.File(fmt.Sprintf("many/%d%s", i, strings.Repeat("n", i%60)), 0o600, tree.Bytes(fmt.Append(nil, i))))
		}
		b, err := os.ReadFile(image(t, codec, list))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Open(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		files := 0
		for _, e := range list {
			got, err := m.ReadFile(e.Path, 64<<20)
			if !e.Mode.IsRegular() {
				if err == nil {
					t.Errorf("%s: %s was read", codec, e.Path)
				}
				continue
			}
			files++
			if want, werr := e.Content.ReadAll(); err != nil || werr != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s: %d bytes, want %d, %v", codec, e.Path, len(got), len(want), err)
			}
			for _, name := range []string{e.Path + "x", e.Path[:len(e.Path)-1], "/" + e.Path, e.Path + "/"} {
				if _, err := m.ReadFile(name, 64<<20); err == nil && !slices.ContainsFunc(list, func(o tree.Entry) bool { return o.Path == name }) {
					t.Errorf("%s: %s was read", codec, name)
				}
			}
		}
		if files < 5 {
			t.Errorf("%d files", files)
		}
	}
}

// TestDamaged: whatever is in an image, reading it ends, with an error or other contents.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	list := append(entries(), tree.File("usr/lib/large", 0o644, tree.Bytes(bytes.Repeat([]byte("large"), 100_000))))
	for _, codec := range codecs {
		whole, err := os.ReadFile(image(t, codec, list))
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for range 3000 {
			b := bytes.Clone(whole)
			for range 1 + r.IntN(4) {
				b[superStart+r.IntN(4096)] = byte(r.Uint32())
			}
			m, err := Open(bytes.NewReader(b))
			if err != nil {
				refused++
				continue
			}
			for _, region := range m.Regions() {
				_ = m.ReadContent(region.Path, 0, make([]byte, min(region.Content, 1<<20))) // an error, or other bytes
				_, _ = m.ReadFile("var/log", 1<<20)
				_, _ = m.AppendStored(nil, region.Path, 0, min(region.Content, Cluster))
			}
		}
		if refused < 100 {
			t.Errorf("%s: only %d damaged images of 3000 were refused", codec, refused)
		}
	}
}
