package slotfile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/tree"
)

// Contents is the input for a slot file.
type Contents struct {
	Board, Version, Cmdline string
	Files                   []tree.Entry // regular files: boot/NAME, boot-a/NAME, boot-b/NAME
	Root                    tree.Content // root.img
	Image                   int64        // bytes of the EROFS image in it: proa.rootsize
	Hash                    string       // proa.roothash
	Sign                    Sign         // nil: unsigned
}

// Sign returns the manifest.sig of a manifest.
type Sign func(manifest []byte) ([]byte, error)

// Of returns the manifest.sig: without a signer one without signatures.
func (s Sign) Of(manifest []byte) ([]byte, error) {
	if s == nil {
		return slotsig.Unsigned(), nil
	}
	b, err := s(manifest)
	if err != nil {
		return nil, err
	}
	_, err = slotsig.Parse(b)
	return b, err
}

// NewManifest reads every file once and returns the manifest.
func NewManifest(c Contents) (Manifest, error) {
	m := Manifest{Format: Format, Board: c.Board, Layout: layout.Version, Version: c.Version, Cmdline: c.Cmdline,
		Root: Root{Size: c.Root.Size, Image: c.Image, Hash: c.Hash}}
	for _, e := range c.entries() {
		h := sha256.New()
		if err := e.Content.CopyTo(h); err != nil {
			return m, fmt.Errorf("slot file: %s: %w", e.Path, err)
		}
		m.Files = append(m.Files, File{e.Path, e.Content.Size, hex.EncodeToString(h.Sum(nil))})
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("slot file: %w", err)
	}
	return m, nil
}

// entries returns the files in the order of the archive, the root image last.
func (c Contents) entries() []tree.Entry {
	list := append(slices.Clone(c.Files), tree.File(RootName, 0o600, c.Root))
	slices.SortFunc(list, func(x, y tree.Entry) int {
		a, p := File{Name: x.Path}.split()
		b, q := File{Name: y.Path}.split()
		return cmp.Or(cmp.Compare(a, b), cmp.Compare(p, q))
	})
	return list
}

// Progress is called with the number of bytes written; it may be nil.
type Progress func(done, total int64)

// Write writes the slot file. The same contents give the same bytes.
func Write(w io.Writer, c Contents, progress Progress) error {
	m, err := NewManifest(c)
	if err != nil {
		return err
	}
	first, err := m.Encode()
	if err != nil {
		return fmt.Errorf("slot file: %w", err)
	}
	sig, err := c.Sign.Of(first)
	if err != nil {
		return fmt.Errorf("slot file: %s: %w", slotsig.Name, err)
	}
	out := &counted{w: w, progress: progress, total: m.Root.Size}
	if err := errors.Join(writeEntry(out, ManifestName, tree.Bytes(first)), writeEntry(out, slotsig.Name, tree.Bytes(sig))); err != nil {
		return fmt.Errorf("slot file: %w", err)
	}
	for _, e := range c.entries() {
		if err := writeEntry(out, e.Path, e.Content); err != nil {
			return fmt.Errorf("slot file: %s: %w", e.Path, err)
		}
	}
	_, err = out.Write(make([]byte, trailer))
	return err
}

func writeEntry(w io.Writer, name string, c tree.Content) error {
	if _, err := w.Write(header(name, c.Size)); err != nil {
		return err
	}
	if err := c.CopyTo(w); err != nil {
		return err
	}
	_, err := w.Write(make([]byte, padding(c.Size)))
	return err
}

// counted reports progress while the root image is copied, which is nearly the whole file.
type counted struct {
	w           io.Writer
	progress    Progress
	done, total int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.done += int64(n); c.progress != nil {
		c.progress(min(c.done, c.total), c.total)
	}
	return n, err
}

const (
	block   = 512
	trailer = 2 * block // two blocks of zeros end a tar archive
	maxName = 100
	maxSize = 1<<33 - 1 // eleven octal digits
)

func padding(size int64) int64 { return -size & (block - 1) }

// header returns the USTAR header of an entry: a regular file owned by root, mode 0600, time 0. It depends on name and
// size only, so the reader needs no parser: it compares headers byte for byte.
func header(name string, size int64) []byte {
	b := make([]byte, block)
	copy(b, name)
	copy(b[100:], "0000600\x000000000\x000000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	b[156] = '0'
	copy(b[257:], "ustar\x0000")
	copy(b[148:], bytes.Repeat([]byte{' '}, 8)) // the checksum is computed with its own field filled with spaces
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}
