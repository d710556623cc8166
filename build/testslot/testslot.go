// Package testslot makes small slot files for tests: real ones, with a root image, a hash tree, an initramfs and
// signatures, of a few megabytes of text. No machine boots them.
package testslot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
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
	binary, initrd := slots.Words(1, 5<<19), slots.Words(2, 200_000)
	copy(binary[2<<20:], version)
	copy(initrd[100_000:], version)
	packed, err := slots.Packed(initrd)
	must(t, err)
	s := Slot{Board: board, Version: version, Boot: map[string][]byte{"boot/vmlinuz": slots.Words(3, 100_000), "boot/initrd": packed,
		"boot-a/grub.cfg": []byte("slot a of " + version), "boot-b/grub.cfg": []byte("slot b of " + version)}}
	s.Image, s.Size, s.Hash, err = slots.Root(t.TempDir(), []tree.Entry{tree.File("usr/bin/k3s", 0o755, tree.Bytes(binary)), tree.File("etc/version", 0o644, tree.Bytes([]byte(version)))})
	must(t, err)
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
