package slotwrite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
)

// memory is a source that verifies nothing.
type memory struct {
	m     slotfile.Manifest
	text  []byte
	sig   []byte
	files map[string][]byte
	end   error
}

func (s memory) Manifest() (slotfile.Manifest, []byte) { return s.m, s.text }
func (s memory) Signatures() []byte                    { return s.sig }
func (s memory) End(context.Context) error             { return s.end }
func (s memory) ReadRange(_ context.Context, f slotfile.File, off int64, b []byte) error {
	copy(b, s.files[f.Name][off:])
	return nil
}

// unpacked returns what is in a slot file.
func unpacked(t *testing.T, file []byte) memory {
	t.Helper()
	in, err := slotfile.NewReader(bytes.NewReader(file))
	must(t, err)
	s := memory{in.Manifest, in.Raw, in.Sig, map[string][]byte{}, nil}
	for {
		e, err := in.Next()
		must(t, err)
		if e == nil {
			return s
		}
		s.files[e.Name], err = io.ReadAll(e)
		must(t, err)
	}
}

// TestAnySource: what a source has is written like a slot file; if any byte of it is not what the manifest says, or the
// source is not complete, the slot cannot be booted.
func TestAnySource(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		target, boot := flashed(t, c)
		whole := unpacked(t, file(t, contents(t, "v2")))
		for name, content := range whole.files {
			if strings.HasPrefix(name, "boot-a/") {
				continue // of the other slot
			}
			content[len(content)/2] ^= 1
			_, err := WriteFrom(t.Context(), target, whole)
			if err == nil || !strings.Contains(err.Error(), "checksum mismatch") || startable(boot) != nil {
				t.Errorf("%s: %v; %q", name, err, startable(boot))
			}
			content[len(content)/2] ^= 1
		}
		cut := whole
		cut.end = errors.New("broken off")
		if _, err := WriteFrom(t.Context(), target, cut); !errors.Is(err, cut.end) || startable(boot) != nil {
			t.Errorf("not complete: %v; %q", err, startable(boot))
		}
		_, err := WriteFrom(t.Context(), target, whole)
		must(t, err)
		has(t, filepath.Join(boot, "slots/b", slotfile.ManifestName), string(whole.text))
		has(t, filepath.Join(boot, "slots/b", slotsig.Name), string(whole.sig))
		_, err = Try(t.Context(), target)
		must(t, err)
	})
}

// TestRanges: ranges of a slot file with gaps; what is left out is verified nevertheless.
func TestRanges(t *testing.T) {
	text := file(t, contents(t, "v2"))
	whole := unpacked(t, text)
	open := func(text []byte) *archive {
		in := &input{ctx: t.Context(), r: bytes.NewReader(text)}
		file, err := slotfile.NewReader(in)
		must(t, err)
		return &archive{file: file, in: in}
	}
	named := map[string]slotfile.File{}
	for _, f := range whole.m.Files {
		named[f.Name] = f
	}
	read := func(a *archive, name string, off, n int64) string {
		b := make([]byte, n)
		if err := a.ReadRange(t.Context(), named[name], off, b); err != nil {
			return err.Error()
		}
		if want := whole.files[name][off : off+n]; !bytes.Equal(b, want) {
			t.Errorf("%s at %d: %q, want %q", name, off, b, want)
		}
		return ""
	}
	a, size := open(text), named[slotfile.RootName].Size
	for _, r := range []struct {
		name   string
		off, n int64
		want   string
	}{
		{"boot/initrd", 6, 12, ""}, {"boot/initrd", 18, 6, ""}, {"boot/initrd", 600, 1, ""}, {"boot/initrd", 0, 1, "does not follow"},
		{slotfile.RootName, 4096, 4096, ""}, {slotfile.RootName, size - 1, 1, ""}, {"boot/initrd", 0, 1, "does not follow"},
	} {
		if got := read(a, r.name, r.off, r.n); !strings.Contains(got, r.want) || (got == "") != (r.want == "") {
			t.Errorf("%s at %d: %q, want %q", r.name, r.off, got, r.want)
		}
	}
	damaged := bytes.Replace(text, []byte("start a"), []byte("start A"), 1)
	if got := read(open(damaged), slotfile.RootName, 0, 1); !strings.Contains(got, "checksum mismatch") {
		t.Errorf("damaged before: %q", got)
	}
	a = open(text)
	must(t, a.End(t.Context()))
	if err := open(text[:len(text)-1]).End(t.Context()); err == nil {
		t.Error("truncated, and complete")
	}
}
