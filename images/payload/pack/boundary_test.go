package pack

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/zstream"
)

// boundaries are sizes at which something ends or begins: nothing, a block of the image, what an assembler passes on at
// once, a block of zstd and a cluster, the window of zstream, one and more pieces; and the sizes beside them.
func boundaries() (list []int) {
	for _, n := range []int{4096, 64 << 10, 128 << 10, 512 << 10, payload.MaxPiece, 2 * payload.MaxPiece} {
		list = append(list, n-1, n, n+1)
	}
	return append(list, 0, 1, 3*cluster, payload.MaxPiece+64<<10, 3*payload.MaxPiece)
}

// noise cannot be compressed, so that frames and clusters have their greatest length.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestBoundaries: a payload makes its slot whatever size the contents have, which lie in the root, in a boot file, and
// in an initramfs that zstream has made; as "full", as a patch, and after an interruption.
func TestBoundaries(t *testing.T) {
	defer func(before payload.Form) { forms["zstd-test"] = before }(forms["zstd-test"])
	forms["zstd-test"] = payload.Form{Stream: zstream.NewWriter}
	for i, n := range boundaries() {
		for name, b := range map[string][]byte{"text": random(rand.New(rand.NewPCG(uint64(n), 1)), n), "noise": noise(uint64(n), n)} {
			if n >= 2*payload.MaxPiece && i%2 != len(name)%2 {
				continue // one of both is enough where it takes long
			}
			t.Run(fmt.Sprintf("%d of %s", n, name), func(t *testing.T) {
				s := slot{"boot/vmlinuz": b, "boot-a/x": []byte("a"), "root/bin/other": noise(1, 5000)}
				if n > 4096 { // smaller ones are no regions of their own
					s["root/bin/k3s"] = b
				}
				if n > 0 { // zstream makes nothing of nothing
					s["boot/initrd"] = b
				}
				remade(t, s)
			})
		}
	}
}

// remade requires that payloads make the slot.
func remade(t *testing.T, s slot) {
	t.Helper()
	c, files := s.contents(t)
	full, x := packed(t, c, nil)
	must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: full, Forms: forms}))
	old := slot{}
	for path, b := range s {
		if old[path] = b; len(b) > 1 {
			old[path] = slices.Concat(b[:len(b)/2], []byte("inserted"), b[len(b)/2:])
		}
	}
	was, _ := old.contents(t)
	patch, y := packed(t, c, &was)
	must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: y, Frames: patch, Old: was, Forms: forms}))
	resumed(t, payload.Options{Manifest: c.Manifest, Index: x, Frames: full, Forms: forms}, files)
}

// resumed requires that what an interrupted write has left is recognised, and that the rest of each file follows it.
func resumed(t *testing.T, o payload.Options, files slotfile.Contents) {
	t.Helper()
	a, err := payload.NewAssembler(o)
	must(t, err)
	defer a.Close()
	m, _ := a.Manifest()
	for _, f := range m.Files {
		content := files.Root
		for _, in := range files.Files {
			if in.Path == f.Name {
				content = in.Content
			}
		}
		r, err := content.Open()
		must(t, err)
		whole, err := io.ReadAll(r)
		must(t, err)
		left := bytes.Clone(whole)
		if len(left) > 0 {
			left[len(left)-1] ^= 1
		}
		n, err := a.Verified(t.Context(), f, bytes.NewReader(left))
		must(t, err)
		rest := make([]byte, f.Size-n)
		if err := a.ReadRange(t.Context(), f, n, rest); err != nil || !bytes.Equal(rest, whole[n:]) {
			t.Errorf("%s: after %d of %d bytes that were there: %v", f.Name, n, f.Size, err)
		}
	}
}
