package pack

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const cluster = 128 << 10

// forms are a codec and a stream, each like the real one of its kind.
var forms = payload.Forms{
	"erofs-test": {Cluster: cluster, Encode: encode},
	"zstd-test": {Stream: func(out io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10))
	}},
}

var fast, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// encode appends a cluster, padded to whole blocks.
func encode(dst, content []byte) ([]byte, error) {
	begin := len(dst)
	dst = fast.EncodeAll(content, dst)
	if len(dst)-begin >= len(content) {
		dst = append(dst[:begin], content...)
	}
	return append(dst, make([]byte, -(len(dst)-begin)&(verity.BlockSize-1))...), nil
}

// slot is a slot, by path: initrd and other boot files, and what is in the root.
type slot map[string][]byte

func (s slot) with(change func(slot)) slot {
	s = maps.Clone(s)
	change(s)
	return s
}

// contents returns what the build knows of the slot, and the slot file's contents.
func (s slot) contents(t testing.TB) (Contents, slotfile.Contents) {
	t.Helper()
	v := payload.Verity{Salt: []byte("salt"), UUID: []byte("0123456789abcdef")}
	root := Input{Name: slotfile.RootName, Form: "erofs-test"}
	var meta, image bytes.Buffer
	var data []byte
	files := slotfile.Contents{Board: "test", Version: "1", Cmdline: "quiet"}
	var inputs []Input
	for _, path := range slices.Sorted(maps.Keys(s)) {
		b := s[path]
		in := Whole(path, payload.Raw, int64(len(b)), tree.Bytes(b))
		switch rest, isRoot := strings.CutPrefix(path, "root/"); {
		case isRoot:
			begin := len(data)
			for at := 0; at < len(b); at += cluster {
				var err error
				data, err = encode(data, b[at:min(len(b), at+cluster)])
				must(t, err)
			}
			fmt.Fprintln(&meta, path, len(b), begin)
			root.Regions = append(root.Regions, Source{rest, int64(len(data) - begin), tree.Bytes(b)})
			continue
		case path == "boot/initrd":
			var out bytes.Buffer
			w, err := forms["zstd-test"].Stream(&out)
			must(t, err)
			_, err = w.Write(b)
			must(t, err)
			must(t, w.Close())
			in = Whole(path, "zstd-test", int64(out.Len()), tree.Bytes(b))
			b = out.Bytes()
		}
		inputs = append(inputs, in)
		files.Files = append(files.Files, tree.File(path, 0o600, tree.Bytes(b)))
	}
	meta.Write(make([]byte, -meta.Len()&(verity.BlockSize-1)))
	root.Regions = append([]Source{{"", int64(meta.Len()), tree.Bytes(meta.Bytes())}}, root.Regions...)
	image.Write(meta.Bytes())
	image.Write(data)
	files.Image = int64(image.Len())
	hash, err := verity.Write(&image, bytes.NewReader(image.Bytes()), files.Image, v.Salt, [16]byte(v.UUID))
	must(t, err)
	files.Hash, files.Root = hex.EncodeToString(hash), tree.Bytes(image.Bytes())
	m, err := slotfile.NewManifest(files)
	must(t, err)
	text, err := m.Encode()
	must(t, err)
	c := Contents{Manifest: text, Signatures: []byte(`{"signatures":[]}`), Verity: v}
	for _, f := range m.Files {
		for _, in := range append(inputs, root) {
			if in.Name == f.Name {
				c.Files = append(c.Files, in)
			}
		}
	}
	return c, files
}

// random returns bytes of which some resemble each other.
func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32()>>24) & 0x3f
	}
	return b
}

// edited returns a content with bytes changed, inserted and removed.
func edited(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + len(b)/50_000 {
		at := r.IntN(len(b))
		switch r.IntN(3) {
		case 0:
			b[at] ^= byte(1 + r.IntN(255))
		case 1:
			b = slices.Insert(b, at, random(r, 1+r.IntN(300))...)
		case 2:
			b = slices.Delete(b, at, min(len(b)-1, at+r.IntN(100)))
		}
	}
	return b
}

// base is a slot with files of all kinds.
func base(seed uint64) slot {
	r := rand.New(rand.NewPCG(seed, 7))
	s := slot{"boot/vmlinuz": random(r, 300_000), "boot/initrd": random(r, 3_400_000), "boot/empty": nil,
		"boot-a/grub.cfg": []byte("slot a"), "boot-b/grub.cfg": []byte("slot b"), "root/bin/k3s": random(r, 2_300_000)}
	for i := range 8 {
		s[fmt.Sprintf("boot/dtb/%d.dtb", i)] = random(r, 5_000+r.IntN(90_000))
	}
	for i := range 40 {
		s[fmt.Sprintf("root/lib/modules/6.12.1/%c/%d.ko", 'a'+i%3, i)] = random(r, 4097+r.IntN(120_000))
	}
	return s
}

// changed is a later slot: files are changed, added, removed, renamed and moved.
func changed(s slot, seed uint64) slot {
	r := rand.New(rand.NewPCG(seed, 9))
	next := slot{}
	for _, path := range slices.Sorted(maps.Keys(s)) {
		b := s[path]
		if strings.HasPrefix(path, "root/") {
			path = strings.Replace(path, "6.12.1", "6.12.2", 1)
			switch r.IntN(10) {
			case 0:
				continue // removed
			case 1:
				path += ".moved"
			}
		}
		if r.IntN(3) == 0 && len(b) > 1000 {
			b = edited(r, b)
		}
		next[path] = b
	}
	next["root/bin/new"], next["root/bin/k3s"] = random(r, 1_200_000), edited(r, s["root/bin/k3s"])
	next["boot/initrd"] = edited(r, s["boot/initrd"])
	return next
}

// file is a payload file in memory. It counts what is read.
type file struct {
	b    []byte
	read int64
}

func (f *file) ReadFrame(_ context.Context, at payload.Range, _ payload.Sum, b []byte) error {
	f.read += int64(len(b))
	_, err := io.ReadFull(io.NewSectionReader(bytes.NewReader(f.b), at.Offset, at.Length), b)
	return err
}

// packed returns a payload file, and its index.
func packed(t testing.TB, c Contents, old *Contents) (*file, *payload.Index) {
	t.Helper()
	var frames bytes.Buffer
	x, err := write(t.Context(), &frames, c, old, forms)
	must(t, err)
	head, err := x.Encode()
	must(t, err)
	f := &file{b: append(head, frames.Bytes()...)}
	if int64(len(head)) != x.Length || int64(len(f.b)) != x.Fetched() {
		t.Fatalf("an index of %d bytes and %d in all, it says %d and %d", len(head), len(f.b), x.Length, x.Fetched())
	}
	return f, x
}
