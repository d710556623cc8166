package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// MaxIndex is the greatest number of bytes of an index.
	MaxIndex = 1 << 20
	// maxText is the greatest number of bytes of its JSON.
	maxText = 4 << 20
	// maxSignatures is the greatest number of bytes of the signatures.
	maxSignatures = 64 << 10

	magic  = "proa\x00pay"
	format = 1
	header = len(magic) + 4 + 4
)

// Index says what a slot is made of, and how. Its Length and sha256 are in the release's signed metadata.
type Index struct {
	Manifest   Sum     `json:"manifest"`             // of the slot's manifest
	Signatures []byte  `json:"signatures,omitempty"` // manifest.sig
	Verity     Verity  `json:"verity"`               // of the hash tree behind the root image
	Files      []File  `json:"files"`                // all of the manifest, in its order
	Pieces     []Piece `json:"pieces"`

	Length int64 `json:"-"` // bytes before the first frame
}

// Verity has what a hash tree depends on besides its data.
type Verity struct {
	Salt []byte `json:"salt"`
	UUID []byte `json:"uuid"`
}

// File is a file of the manifest.
type File struct {
	Name    string   `json:"name"`
	Form    string   `json:"form"`
	Regions []Region `json:"regions,omitempty"`
}

// Region is a part of a file. A file whose form has no regions is one, an empty file none.
type Region struct {
	Path    string `json:"path,omitempty"` // of the file in the root image; empty: raw
	Content int64  `json:"content"`        // bytes
	Stored  int64  `json:"stored"`         // bytes in the file
	Sum     Sum    `json:"sum,omitzero"`   // of the content; only in "full"
}

// Encode returns the index as it stands at the beginning of a payload file.
func (x *Index) Encode() ([]byte, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("write index: %w", err)
	}
	z, err := zipper()
	if err != nil {
		return nil, fmt.Errorf("write index: %w", err)
	}
	b := make([]byte, header)
	copy(b, magic)
	b = z.EncodeAll(text, b)
	binary.LittleEndian.PutUint32(b[len(magic):], format)
	binary.LittleEndian.PutUint32(b[len(magic)+4:], uint32(len(b)-header))
	if len(b) > MaxIndex || len(text) > maxText {
		return nil, fmt.Errorf("write index: %d bytes, %d as text; at most %d and %d", len(b), len(text), MaxIndex, maxText)
	}
	return b, nil
}

// ReadIndex reads the index at the beginning of a payload file, and returns its sum as well, which the caller compares
// with the signed one before anything else: only then is it worth parsing.
func ReadIndex(r io.Reader) (text []byte, sum Sum, err error) {
	head := make([]byte, header)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, sum, fmt.Errorf("read index: %w", err)
	}
	n := binary.LittleEndian.Uint32(head[len(magic)+4:])
	switch {
	case string(head[:len(magic)]) != magic:
		return nil, sum, errors.New("read index: not a payload file of proa")
	case binary.LittleEndian.Uint32(head[len(magic):]) != format:
		return nil, sum, fmt.Errorf("read index: format %d, this proa reads format %d", binary.LittleEndian.Uint32(head[len(magic):]), format)
	case int64(n) > int64(MaxIndex-header):
		return nil, sum, fmt.Errorf("read index: %d bytes, at most %d", n, MaxIndex)
	}
	b := append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, b[header:]); err != nil {
		return nil, sum, fmt.Errorf("read index: %w", err)
	}
	return b, sha256.Sum256(b), nil
}

// ParseIndex parses what Encode wrote and refuses everything that does not fit together.
func ParseIndex(b []byte) (*Index, error) {
	whole, _, err := ReadIndex(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if len(whole) != len(b) {
		return nil, errors.New("parse index: data after its end")
	}
	text, err := unzipOnce(b[header:], maxText)
	if err != nil {
		return nil, fmt.Errorf("parse index: %w", err)
	}
	x := &Index{Length: int64(len(b))}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(x); err != nil {
		return nil, fmt.Errorf("parse index: %w", err)
	}
	if d.InputOffset() != int64(len(text)) {
		return nil, errors.New("parse index: data after its end")
	}
	if err := x.check(); err != nil {
		return nil, fmt.Errorf("parse index: %w", err)
	}
	return x, nil
}
