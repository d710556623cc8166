// Package slotfile writes and reads slot files: everything a slot consists of, as a plain tar whose order allows
// writing it to the disk while it arrives. The reader refuses whatever the writer would not have written, byte for
// byte: names, order and sizes other than the manifest's, contents with another sha256, and data after the end.
//
// Manifest and signatures are checked for their form only: which keys count, the caller decides (images/slotsig).
package slotfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/proa-os/proa/images/slotsig"
)

// Reader reads a slot file once, sequentially. It keeps nothing but the manifest in memory.
type Reader struct {
	Manifest Manifest
	Raw      []byte // the manifest as it stands in the file, byte for byte
	Sig      []byte // manifest.sig

	r    io.Reader
	left []File
	open *Entry
}

// NewReader reads the manifest and its signatures.
func NewReader(r io.Reader) (*Reader, error) {
	raw, ok, err := readNamed(r, ManifestName, MaxManifest)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("not a slot file: it has no manifest")
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("slot file: %w", err)
	}
	sig, ok, err := readNamed(r, slotsig.Name, slotsig.MaxFile)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("slot file: %s does not follow %s", slotsig.Name, ManifestName)
	}
	if _, err := slotsig.Parse(sig); err != nil {
		return nil, fmt.Errorf("slot file: %w", err)
	}
	return &Reader{Manifest: m, Raw: raw, Sig: sig, r: r, left: m.Files}, nil
}

// Offsets returns where the content of each file begins in a slot file whose manifest and signatures have that many bytes,
// and how long the slot file is.
func (m Manifest) Offsets(manifest, signatures int) (at map[string]int64, end int64) {
	padded := func(size int64) int64 { return block + size + padding(size) }
	at, end = map[string]int64{}, padded(int64(manifest))+padded(int64(signatures))
	for _, f := range m.Files {
		at[f.Name] = end + block
		end += padded(f.Size)
	}
	return at, end + trailer
}

// readNamed reads an entry that no manifest lists; ok is false if the next entry is another one, or longer.
func readNamed(r io.Reader, name string, limit int64) (b []byte, ok bool, err error) {
	head := make([]byte, block)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, false, fmt.Errorf("slot file: %w", truncated(err))
	}
	size, err := strconv.ParseInt(string(head[124:135]), 8, 64)
	if err != nil || size < 0 || size > limit || !bytes.Equal(head, header(name, size)) {
		return nil, false, nil
	}
	b = make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, false, fmt.Errorf("slot file: %s: %w", name, truncated(err))
	}
	if err := zeros(r, padding(size)); err != nil {
		return nil, false, fmt.Errorf("slot file: padding after %s: %w", name, err)
	}
	return b, true, nil
}

// Next returns the next entry, or nil after the last one. It first reads what is left of the previous entry, for its
// checksum.
func (r *Reader) Next() (*Entry, error) {
	if r.open != nil {
		if _, err := io.Copy(io.Discard, r.open); err != nil {
			return nil, err
		}
		if err := zeros(r.r, padding(r.open.Size)); err != nil {
			return nil, fmt.Errorf("slot file: padding after %s: %w", r.open.Name, err)
		}
		r.open = nil
	}
	if len(r.left) == 0 {
		return nil, r.end()
	}
	f := r.left[0]
	head := make([]byte, block)
	if _, err := io.ReadFull(r.r, head); err != nil {
		return nil, fmt.Errorf("slot file: %s: %w", f.Name, truncated(err))
	}
	if !bytes.Equal(head, header(f.Name, f.Size)) {
		return nil, fmt.Errorf("slot file: the next entry is not %s of %d bytes, as the manifest lists it", f.Name, f.Size)
	}
	r.left, r.open = r.left[1:], &Entry{File: f, r: r.r, sum: sha256.New(), left: f.Size}
	return r.open, nil
}

func (r *Reader) end() error {
	if err := zeros(r.r, trailer); err != nil {
		return fmt.Errorf("slot file: end of archive: %w", err)
	}
	if n, err := io.ReadFull(r.r, make([]byte, 1)); n > 0 || err != io.EOF {
		return errors.Join(errors.New("slot file: data after the end of the archive"), ignoreEOF(err))
	}
	return nil
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// truncated turns an early EOF into an error that says "truncated".
func truncated(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// zeros reads n bytes of padding and refuses any that are not zero.
func zeros(r io.Reader, n int64) error {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return truncated(err)
	}
	if !bytes.Equal(b, make([]byte, n)) {
		return errors.New("padding that is not zero")
	}
	return nil
}
