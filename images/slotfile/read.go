// Package slotfile writes and reads the slot file: everything a slot consists of, for a device that already runs, as a plain tar in
// an order that can be written to a disk while it arrives. A reader refuses whatever a writer would not have written, byte for byte:
// names, order and sizes other than the manifest's, contents whose sha256 is another, and anything behind the end.
//
// It trusts the manifest for nothing but consistency: who made it is for signatures to say, not for this package.
package slotfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// Reader reads a slot file once, from front to back. It keeps the manifest in memory and nothing else.
type Reader struct {
	Manifest Manifest
	Raw      []byte // the manifest as it stands in the file

	r    io.Reader
	left []File
	open *Entry
}

// NewReader reads the manifest.
func NewReader(r io.Reader) (*Reader, error) {
	raw, err := readManifest(r)
	if err != nil {
		return nil, fmt.Errorf("slot file: %w", err)
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("slot file: %w", err)
	}
	return &Reader{Manifest: m, Raw: raw, r: r, left: m.Files}, nil
}

func readManifest(r io.Reader) ([]byte, error) {
	head := make([]byte, block)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, whole(err)
	}
	size, err := strconv.ParseInt(string(head[124:135]), 8, 64)
	if err != nil || size < 0 || size > MaxManifest || !bytes.Equal(head, header(ManifestName, size)) {
		return nil, errors.New("this is none: it does not begin with a manifest")
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, whole(err)
	}
	return raw, zeros(r, padding(size))
}

// Next goes on to the next entry, which is nil behind the last one. What was not read of the one before is read now, for
// its checksum.
func (r *Reader) Next() (*Entry, error) {
	if r.open != nil {
		if _, err := io.Copy(io.Discard, r.open); err != nil {
			return nil, err
		}
		if err := zeros(r.r, padding(r.open.Size)); err != nil {
			return nil, fmt.Errorf("slot file: behind %s: %w", r.open.Name, err)
		}
		r.open = nil
	}
	if len(r.left) == 0 {
		return nil, r.end()
	}
	f := r.left[0]
	head := make([]byte, block)
	if _, err := io.ReadFull(r.r, head); err != nil {
		return nil, fmt.Errorf("slot file: %s: %w", f.Name, whole(err))
	}
	if !bytes.Equal(head, header(f.Name, f.Size)) {
		return nil, fmt.Errorf("slot file: %s of %d bytes should be next, as the manifest says, and is not", f.Name, f.Size)
	}
	r.left, r.open = r.left[1:], &Entry{File: f, r: r.r, sum: sha256.New(), left: f.Size}
	return r.open, nil
}

func (r *Reader) end() error {
	if err := zeros(r.r, trailer); err != nil {
		return fmt.Errorf("slot file: the end: %w", err)
	}
	if n, err := io.ReadFull(r.r, make([]byte, 1)); n > 0 || err != io.EOF {
		return errors.Join(errors.New("slot file: there is something behind its end"), hide(err))
	}
	return nil
}

func hide(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Entry is one file; reading it to its end also checks it.
type Entry struct {
	File
	r    io.Reader
	sum  hash.Hash
	left int64
}

func (e *Entry) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, e.checked()
	}
	n, err := e.r.Read(b[:min(int64(len(b)), e.left)])
	e.sum.Write(b[:n])
	if e.left -= int64(n); e.left == 0 {
		return n, nil // an error that came with the last byte will come again
	}
	if err != nil {
		return n, fmt.Errorf("slot file: %s: %w", e.Name, whole(err))
	}
	return n, nil
}

func (e *Entry) checked() error {
	if have := hex.EncodeToString(e.sum.Sum(nil)); have != e.SHA256 {
		return fmt.Errorf("slot file: %s: its sha256 is %s…, the manifest says %s…: the file is damaged", e.Name, have[:12], e.SHA256[:12])
	}
	return io.EOF
}

// whole makes an early end an error that says so.
func whole(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// zeros reads n bytes that mean nothing.
func zeros(r io.Reader, n int64) error {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return whole(err)
	}
	if !bytes.Equal(b, make([]byte, n)) {
		return errors.New("bytes that are not zero where nothing should be")
	}
	return nil
}
