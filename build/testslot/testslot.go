// Package testslot makes small slot files for tests: real ones, with a root image, a hash tree, an initramfs and
// signatures, of a few megabytes of text. No machine boots them.
package testslot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/images/zstream"
)

// Slot is what a slot consists of.
type Slot struct {
	Board, Version string
	Image          []byte // root image with its hash tree
	Size           int64  // of the image without it
	Hash           string
	Boot           map[string][]byte // boot files by their names in the slot file
}

// Make makes a slot. Two versions differ in a few bytes of each large file.
func Make(t testing.TB, board, version string) Slot {
	t.Helper()
	binary, initrd := text(1, 5<<19), text(2, 200_000)
	copy(binary[2<<20:], version)
	copy(initrd[100_000:], version)
	s := Slot{Board: board, Version: version, Boot: map[string][]byte{"boot/vmlinuz": text(3, 100_000), "boot/initrd": packed(t, initrd),
		"boot-a/grub.cfg": []byte("slot a of " + version), "boot-b/grub.cfg": []byte("slot b of " + version)}}
	file := filepath.Join(t.TempDir(), "root")
	must(t, os.WriteFile(file, nil, 0o600))
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	_, err = erofs.Write(f, []tree.Entry{tree.File("usr/bin/k3s", 0o755, tree.Bytes(binary)), tree.File("etc/version", 0o644, tree.Bytes([]byte(version)))},
		erofs.Options{Codec: erofs.LZ4, When: time.Unix(1_700_000_000, 0)})
	must(t, err)
	s.Size, err = f.Seek(0, io.SeekEnd)
	must(t, err)
	hash, err := verity.Write(f, io.NewSectionReader(f, 0, s.Size), s.Size, []byte("salt"), [16]byte{7})
	must(t, err)
	s.Image, err = os.ReadFile(file)
	must(t, err)
	s.Hash = hex.EncodeToString(hash)
	return s
}

// Write writes the slot file, signed by a ring's keys.
func (s Slot) Write(t testing.TB, file string, ring *keys.Ring) {
	t.Helper()
	c := slotfile.Contents{Board: s.Board, Version: s.Version, Cmdline: "quiet", Root: tree.Bytes(s.Image), Image: s.Size, Hash: s.Hash, Sign: ring.SignSlot}
	for name, content := range s.Boot {
		c.Files = append(c.Files, tree.File(name, 0o600, tree.Bytes(content)))
	}
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	out, err := os.Create(file)
	must(t, err)
	must(t, errors.Join(slotfile.Write(out, c, nil), out.Close()))
}

// packed is a file as the build packs an initramfs.
func packed(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstream.NewWriter(&b)
	must(t, err)
	_, err = w.Write(content)
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

// text returns bytes that compress as text does.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := 0; i < n; i += 16 {
		bits := r.Uint64()
		for k := i; k < min(n, i+16); k++ {
			b[k] = "etaoin shrdlu\n.,"[bits&15]
			bits >>= 4
		}
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
