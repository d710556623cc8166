package pack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
)

// TestReleases: whatever changed between two slots, "full" and patch make every byte of the new one, the patch is the
// smaller by far, and what it leaves out is fetched from "full".
func TestReleases(t *testing.T) {
	for seed := range uint64(3) {
		old, _ := base(seed).contents(t)
		c, _ := changed(base(seed), seed).contents(t)
		full, fullIndex := packed(t, c, nil)
		patch, x := packed(t, c, &old)
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: fullIndex, Frames: full, Forms: forms}))
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: old, Forms: forms}))
		if len(patch.b) > len(full.b)/3 {
			t.Errorf("seed %d: a patch of %d bytes, full has %d\n%v", seed, len(patch.b), len(full.b), x.ByFile())
		}
		ops := map[string]int{}
		for _, u := range x.ByOp() {
			ops[u.Name] = u.Pieces
		}
		if ops["copy"] == 0 || ops["patch"] == 0 || ops["full"] == 0 {
			t.Errorf("seed %d: not all operations: %v", seed, ops)
		}
		other, _ := base(seed + 100).contents(t) // of which no piece is right
		full.read = 0
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: other, Forms: forms,
			Full: func(context.Context) (*payload.Index, payload.Frames, error) { return fullIndex, full, nil }}))
		if full.read == 0 {
			t.Errorf("seed %d: nothing was read of full", seed)
		}
	}
}

// TestSame: the same contents give the same payload.
func TestSame(t *testing.T) {
	old, _ := base(1).contents(t)
	c, _ := changed(base(1), 1).contents(t)
	a, _ := packed(t, c, &old)
	b, _ := packed(t, c, &old)
	if !bytes.Equal(a.b, b.b) {
		t.Error("two patches")
	}
}

// TestFromFull: a patch made from the earlier release's "full" is the one made from its contents.
func TestFromFull(t *testing.T) {
	old, _ := base(2).contents(t)
	c, _ := changed(base(2), 2).contents(t)
	full, x := packed(t, old, nil)
	again, err := FromFull(t.Context(), old.Manifest, x, full)
	must(t, err)
	want, _ := packed(t, c, &old)
	if got, _ := packed(t, c, &again); !bytes.Equal(got.b, want.b) {
		t.Error("another patch")
	}
	full.b[len(full.b)-1] ^= 1
	if _, err := write(t.Context(), io.Discard, c, &again, forms); !errors.Is(err, payload.ErrFrame) {
		t.Errorf("damaged: %v", err)
	}
}

// TestOneChange: a file that is renamed, moved or the only one that differs costs next to nothing.
func TestOneChange(t *testing.T) {
	s := base(3)
	old, _ := s.contents(t)
	for _, c := range []struct {
		name   string
		change func(slot)
		most   int64 // bytes of all frames
	}{
		{"nothing", func(slot) {}, 0},
		{"a boot script", func(s slot) { s["boot-a/grub.cfg"] = []byte("slot A") }, 80},
		{"a file renamed", func(s slot) { s["root/bin/zzz"] = s["root/bin/k3s"]; delete(s, "root/bin/k3s") }, 600},
		{"a boot file renamed", func(s slot) { s["boot/kernel"] = s["boot/vmlinuz"]; delete(s, "boot/vmlinuz") }, 80},
		{"a byte of a large file", func(s slot) { s["root/bin/k3s"] = edit(s["root/bin/k3s"], 1_500_000) }, 800},
		{"a byte of a joined file", func(s slot) { s["boot/dtb/3.dtb"] = edit(s["boot/dtb/3.dtb"], 100) }, 200},
		{"a byte of the initrd", func(s slot) { s["boot/initrd"] = edit(s["boot/initrd"], 1_000_000) }, 600},
		{"more in the initrd", func(s slot) {
			s["boot/initrd"] = append(random(rand.New(rand.NewPCG(1, 1)), 1_500_000), s["boot/initrd"]...)
		}, 1_500_000},
	} {
		next, _ := s.with(c.change).contents(t)
		patch, x := packed(t, next, &old)
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: next.Manifest, Index: x, Frames: patch, Old: old, Forms: forms}))
		if got := x.Fetched() - x.Length; got > c.most {
			t.Errorf("%s: %d bytes of frames, at most %d expected\n%v", c.name, got, c.most, x.ByFile())
		}
		windows(t, x)
	}
}

func edit(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// windows requires that a stream is read from its beginning to its end.
func windows(t *testing.T, x *payload.Index) {
	t.Helper()
	at := int64(0)
	for _, p := range x.Pieces {
		for _, r := range p.From {
			if r.File != "boot/initrd" {
				continue
			}
			if r.Offset < at || r.Length > payload.Window {
				t.Errorf("%d bytes from %d, after %d", r.Length, r.Offset, at)
			}
			at = r.Offset
		}
	}
}

// TestDamage: a byte of a payload file that is another is noticed, before anything is made of it; so is its end.
func TestDamage(t *testing.T) {
	s := slot{"boot/vmlinuz": random(rand.New(rand.NewPCG(1, 1)), 400), "boot/initrd": []byte("initrd"), "boot-a/x": []byte("a"),
		"root/a": random(rand.New(rand.NewPCG(1, 2)), 900)}
	old, _ := s.contents(t)
	c, _ := s.with(func(s slot) { s["root/a"] = edit(s["root/a"], 7); s["root/b"] = []byte("new") }).contents(t)
	for _, from := range []*Contents{nil, &old} {
		f, x := packed(t, c, from)
		_, sum, err := payload.ReadIndex(bytes.NewReader(f.b))
		must(t, err)
		verify := func() error {
			_, now, err := payload.ReadIndex(bytes.NewReader(f.b))
			if err != nil || now != sum {
				return errors.New("not the signed index")
			}
			return payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: f, Old: old, Forms: forms})
		}
		must(t, verify())
		for i := range f.b {
			f.b[i] ^= 0x10
			if verify() == nil {
				t.Errorf("byte %d of %d changed: accepted", i, len(f.b))
			}
			f.b[i] ^= 0x10
		}
		for whole := f.b; len(f.b) > 0; {
			if f.b = whole[:len(f.b)-1]; verify() == nil {
				t.Errorf("accepted when cut off at %d of %d", len(f.b), len(whole))
			}
		}
	}
}

// TestWrongOld: what the running slot should have and has not is no content without "full", and an error names it.
func TestWrongOld(t *testing.T) {
	old, _ := base(4).contents(t)
	c, _ := changed(base(4), 4).contents(t)
	patch, x := packed(t, c, &old)
	other, _ := base(5).contents(t)
	for _, from := range []payload.Old{other, nil} {
		err := payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: from, Forms: forms})
		if err == nil || !strings.Contains(err.Error(), "the running slot has other contents") {
			t.Errorf("%v", err)
		}
	}
	full, wrong := packed(t, other, nil)
	err := payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: other, Forms: forms,
		Full: func(context.Context) (*payload.Index, payload.Frames, error) { return wrong, full, nil }})
	if err == nil || !strings.Contains(err.Error(), "of another slot") {
		t.Errorf("full of another slot: %v", err)
	}
}

// TestRefuses: unknown forms, an encoder that makes other bytes, and another manifest.
func TestRefuses(t *testing.T) {
	c, _ := base(6).contents(t)
	other, _ := base(7).contents(t)
	f, x := packed(t, c, nil)
	verify := func(manifest []byte, known payload.Forms) string {
		err := payload.Verify(t.Context(), payload.Options{Manifest: manifest, Index: x, Frames: f, Forms: known})
		if err == nil {
			return "accepted"
		}
		return err.Error()
	}
	if got := verify(c.Manifest, payload.Forms{"zstd-test": forms["zstd-test"]}); !strings.Contains(got, "cannot make; take the slot file") {
		t.Error(got)
	}
	if got := verify(other.Manifest, forms); !strings.Contains(got, "for another manifest") {
		t.Error(got)
	}
	newer := payload.Forms{"zstd-test": forms["zstd-test"], "erofs-test": {Cluster: cluster, Encode: func(dst, content []byte) ([]byte, error) {
		b, err := encode(dst, content)
		b[len(b)-1] = 1
		return b, err
	}}}
	if got := verify(c.Manifest, newer); !strings.Contains(got, "makes other bytes") {
		t.Error(got)
	}
}

// TestResume: after an interruption at any place whole pieces that are right are not fetched again, and the root is the
// same; what lies there and is wrong is written again.
func TestResume(t *testing.T) {
	c, files := base(8).contents(t)
	f, x := packed(t, c, nil)
	root, err := files.Root.ReadAll()
	must(t, err)
	m, err := slotfile.ParseManifest(c.Manifest)
	must(t, err)
	last := m.Files[len(m.Files)-1]
	for _, c := range []struct {
		name            string
		written, damage int
		least, most     int
	}{
		{"nothing", 0, -1, 0, 0},
		{"half", len(root) / 2, -1, len(root)/2 - 3<<20, len(root) / 2},
		{"all", len(root), -1, int(m.Root.Image), int(m.Root.Image)},
		{"all, damaged", len(root), 2_000_000, 0, 2_000_000},
		{"all, damaged at its beginning", len(root), 0, 0, 0},
	} {
		there := bytes.Clone(root[:c.written])
		if c.damage >= 0 {
			there[c.damage] ^= 1
		}
		a, err := payload.NewAssembler(payload.Options{Manifest: contentsOf(t, m), Index: x, Frames: f, Forms: forms})
		must(t, err)
		f.read = 0
		at, err := a.Verified(t.Context(), last, bytes.NewReader(there))
		must(t, err)
		if f.read != 0 || int(at) < c.least || int(at) > c.most {
			t.Errorf("%s: %d bytes are right, %d to %d expected; %d fetched", c.name, at, c.least, c.most, f.read)
		}
		got := make([]byte, last.Size-at)
		must(t, a.ReadRange(t.Context(), last, at, got))
		must(t, a.End(t.Context()))
		if !bytes.Equal(append(there[:at:at], got...), root) {
			t.Errorf("%s: another root", c.name)
		}
	}
}

func contentsOf(t *testing.T, m slotfile.Manifest) []byte {
	b, err := m.Encode()
	must(t, err)
	return b
}

// TestOrder: files are read in the order of the manifest, what is for the other slot is not fetched, and an end that
// was not reached is an error.
func TestOrder(t *testing.T) {
	c, _ := base(9).contents(t)
	f, x := packed(t, c, nil)
	a, err := payload.NewAssembler(payload.Options{Manifest: c.Manifest, Index: x, Frames: f, Forms: forms})
	must(t, err)
	defer a.Close()
	m, text := a.Manifest()
	if !bytes.Equal(text, c.Manifest) || !bytes.Equal(a.Signatures(), c.Signatures) {
		t.Error("another manifest, or other signatures")
	}
	named := func(name string) slotfile.File {
		return m.Files[slices.IndexFunc(m.Files, func(f slotfile.File) bool { return f.Name == name })]
	}
	b := make([]byte, 6)
	must(t, a.ReadRange(t.Context(), named("boot-b/grub.cfg"), 0, b))
	if string(b) != "slot b" || f.read > 100 {
		t.Errorf("%q, %d bytes fetched", b, f.read)
	}
	if err := a.ReadRange(t.Context(), named("boot/vmlinuz"), 0, b); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("backwards: %v", err)
	}
	must(t, a.ReadRange(t.Context(), named("root.img"), 100, b))
	if err := a.ReadRange(t.Context(), named("root.img"), 99, b); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("backwards: %v", err)
	}
	if err := a.ReadRange(t.Context(), named("root.img"), named("root.img").Size-5, b); err == nil {
		t.Error("read beyond the end")
	}
	if a.End(t.Context()) == nil {
		t.Error("not read to the end, and complete")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.ReadRange(ctx, named("root.img"), named("root.img").Size-6, b); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
