// Package slots makes what upgrades are measured with: small slot files that are made like real ones, the files of a slot
// file as a device has them, and the release of a list of slot files. It refuses slot files that releasing refuses.
package slots

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/images/zstream"
)

// Contents is what a small slot consists of.
type Contents struct {
	Board   string
	Version string
	Binary  []byte // a large file of the root
	Library []byte // another one
	Initrd  []byte // not compressed
}

// Words returns bytes that compress to about half, as programs do; always the same for a seed.
func Words(seed uint64, n int) []byte {
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

// First is a slot of about 6 MB.
func First(version string) Contents {
	return Contents{"pc", version, Words(1, 3<<20+777), Words(2, 2<<20), Words(3, 2<<20+99)}
}

// Next is the slot after it: that much of the large file is new, and the version is elsewhere too.
func (c Contents) Next(version string, changed int) Contents {
	c.Binary, c.Initrd = bytes.Clone(c.Binary), bytes.Clone(c.Initrd)
	copy(c.Binary[1<<20:], Words(uint64(len(version))+100, changed))
	copy(c.Initrd[1<<20:], version)
	c.Version = version
	return c
}

// Write writes a slot file.
func (c Contents) Write(file string, ring *keys.Ring) error {
	image, size, hash, err := Root(filepath.Dir(file), []tree.Entry{tree.File("usr/bin/k3s", 0o755, tree.Bytes(c.Binary)),
		tree.File("etc/version", 0o644, tree.Bytes([]byte(c.Version))), tree.File("usr/lib/same", 0o644, tree.Bytes(c.Library))})
	if err != nil {
		return fmt.Errorf("root image: %w", err)
	}
	initrd, err := Packed(c.Initrd)
	if err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	s := slotfile.Contents{Board: c.Board, Version: c.Version, Cmdline: "quiet", Root: tree.Bytes(image), Image: size, Hash: hash, Sign: ring.SignSlot}
	for _, f := range []struct {
		name    string
		content []byte
	}{{"boot/initrd", initrd}, {"boot/vmlinuz", Words(4, 300_000)}, {"boot-a/grub.cfg", []byte("a of " + c.Version)}, {"boot-b/grub.cfg", []byte("b of " + c.Version)}} {
		s.Files = append(s.Files, tree.File(f.name, 0o600, tree.Bytes(f.content)))
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(slotfile.Write(out, s, nil), out.Close())
}

// Packed is a file as the build packs an initramfs.
func Packed(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := zstream.NewWriter(&b)
	if err == nil {
		_, err = z.Write(content)
		err = errors.Join(err, z.Close())
	}
	return b.Bytes(), err
}

// Root returns a root image with its hash tree, the bytes of the image without it, and the root hash. It needs a
// directory for a while.
func Root(dir string, entries []tree.Entry) (b []byte, size int64, hash string, err error) {
	f, err := os.CreateTemp(dir, ".root-*")
	if err != nil {
		return nil, 0, "", err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	_, err = erofs.Write(f, entries, erofs.Options{Codec: erofs.LZ4, When: time.Unix(1_700_000_000, 0)})
	if err != nil {
		return nil, 0, "", err
	}
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, 0, "", err
	}
	sum, err := verity.Write(f, io.NewSectionReader(f, 0, size), size, []byte("salt"), [16]byte{7})
	if err != nil {
		return nil, 0, "", err
	}
	b, err = os.ReadFile(f.Name())
	return b, size, hex.EncodeToString(sum), err
}

// RootFile is the name that Unpack gives the root image with its hash tree; boot files are in the directory of slot a.
const RootFile = "root.img"

// Unpack writes the files of a slot file as slot a has them, and returns the manifest.
func Unpack(ctx context.Context, file, dir string) (slotfile.Manifest, error) {
	in, err := os.Open(file)
	if err != nil {
		return slotfile.Manifest{}, err
	}
	defer in.Close() // it is only read
	r, err := slotfile.NewReader(in)
	if err != nil {
		return slotfile.Manifest{}, err
	}
	for e, err := r.Next(); e != nil || err != nil; e, err = r.Next() {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return r.Manifest, err
		}
		to := RootFile
		if name, ok := e.File.For(layout.A); ok {
			to = filepath.Join(layout.A.Dir(), name)
		} else if e.File.Name != slotfile.RootName {
			continue
		}
		if err := write(filepath.Join(dir, to), e); err != nil {
			return r.Manifest, fmt.Errorf("%s: %w", e.File.Name, err)
		}
	}
	return r.Manifest, nil
}

func write(name string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Close())
}

// Quiet shows nothing of a release that is made.
type Quiet struct{}

// Start implements releasing.Show.
func (Quiet) Start(string, []string) {}

// Progress implements releasing.Show.
func (Quiet) Progress(string, int64, int64) {}

// Done implements releasing.Show.
func (Quiet) Done(string, time.Duration, error) {}
