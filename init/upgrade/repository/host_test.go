package repository_test

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
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/images/zstream"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// host makes releases: keys, slot files, and the directory that is served.
type host struct {
	t    *testing.T
	dir  string
	ring *keys.Ring
	root []byte // TUF's root, as images have it
	now  time.Time
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), now: time.Now()}
	must(t, os.Chmod(h.dir, 0o755))
	var err error
	h.ring, err = keys.Init(filepath.Join(h.dir, "keys"), false, keys.Access{})
	must(t, err)
	h.root, err = tufrepo.KeepRoot(h.ring, tufrepo.DefaultPeriods(), h.now)
	must(t, err)
	return h
}

// slot is the contents of a slot: what its root and initramfs have.
type slot struct {
	version string
	binary  []byte // a large file of the root
	file    []byte // a small one
	initrd  []byte // not compressed
	// sequence is what release.json says; 0: there is none
	sequence int64
}

// words returns bytes that compress as text does.
func words(seed uint64, n int) []byte {
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

func first() slot {
	return slot{version: "v1", binary: words(1, 5<<20+777), file: []byte("one"), initrd: words(2, 3<<20+99)}
}

// next has a few bytes changed in each file.
func next(s slot, version string) slot {
	s.binary, s.initrd = bytes.Clone(s.binary), bytes.Clone(s.initrd)
	copy(s.binary[3<<20:], version)
	copy(s.initrd[1<<20:], version)
	s.version, s.file = version, []byte(version)
	return s
}

// image returns the root image with its hash tree.
func (s slot) image(t *testing.T) (b []byte, size int64, hash string) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "root")
	must(t, err)
	defer f.Close()
	is, err := releasefile.Release{Version: s.version, Sequence: s.sequence, Layout: layout.Version}.JSON()
	must(t, err)
	_, err = erofs.Write(f, []tree.Entry{tree.File(releasefile.Path[1:], 0o644, tree.Bytes(is)), tree.File("usr/bin/k3s", 0o755, tree.Bytes(s.binary)), tree.File("etc/version", 0o644, tree.Bytes(s.file)),
		tree.File("usr/lib/same", 0o644, tree.Bytes(words(9, min(4<<20, len(s.binary)))))}, erofs.Options{Codec: erofs.LZ4, When: time.Unix(1_700_000_000, 0)})
	must(t, err)
	size, err = f.Seek(0, io.SeekEnd)
	must(t, err)
	root, err := verity.Write(f, io.NewSectionReader(f, 0, size), size, []byte("salt"), [16]byte{7})
	must(t, err)
	b, err = os.ReadFile(f.Name())
	must(t, err)
	return b, size, hex.EncodeToString(root)
}

// boot returns the boot files.
func (s slot) boot(t *testing.T) map[string][]byte {
	t.Helper()
	var initrd bytes.Buffer
	w, err := zstream.NewWriter(&initrd)
	must(t, err)
	_, err = w.Write(s.initrd)
	must(t, errors.Join(err, w.Close()))
	return map[string][]byte{"boot/vmlinuz": words(3, 200_000), "boot/initrd": initrd.Bytes(),
		"boot-a/grub.cfg": []byte("slot a of " + s.version), "boot-b/grub.cfg": []byte("slot b of " + s.version)}
}

// file writes the slot file.
func (h *host) file(s slot, board string) string {
	h.t.Helper()
	b, size, hash := s.image(h.t)
	c := slotfile.Contents{Board: board, Version: s.version, Cmdline: "quiet", Root: tree.Bytes(b), Image: size, Hash: hash, Sign: h.ring.SignSlot}
	for name, content := range s.boot(h.t) {
		c.Files = append(c.Files, tree.File(name, 0o600, tree.Bytes(content)))
	}
	name := filepath.Join(h.dir, s.version+"-"+board+".slot")
	out, err := os.Create(name)
	must(h.t, err)
	defer out.Close()
	must(h.t, slotfile.Write(out, c, nil))
	return name
}

// quiet shows nothing.
type quiet struct{}

func (quiet) Start(string, []string)            {}
func (quiet) Progress(string, int64, int64)     {}
func (quiet) Done(string, time.Duration, error) {}

// release adds slot files to a directory, and returns it.
func (h *host) release(name string, o releasing.Options, files ...string) string {
	h.t.Helper()
	o.Out, o.Ring, o.Now, o.Show = filepath.Join(h.dir, name), h.ring, h.now, quiet{}
	_, err := releasing.Run(h.t.Context(), o, files)
	must(h.t, err)
	return o.Out
}
