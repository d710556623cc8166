// Package payload writes and reads the payload files of a release: "full", and "from-ROOT.patch" for devices whose
// running slot has that root. Both have the contents of a slot in pieces of at most MaxPiece bytes, each copied from the
// running slot, patched from it, or whole; docs/release.md has the format. Assembler makes the slot's files of them, in
// order and piece by piece, with the same code on the device and in the build, which verifies by it what it wrote.
//
// Everything is refused that is not in the index, whose hash the caller has compared with the signed one: a frame with
// another sha256 is not decoded, a content with another is not used, and bytes that another encoder would have made
// are noticed at the end of their piece. What the running slot should have and has not is taken from "full" instead.
//
// The package reads and writes nothing but what it is given.
package payload

import (
	"context"
	"encoding/hex"
	"fmt"
)

const (
	// MaxPiece is the greatest number of bytes of content of a piece.
	MaxPiece = 1 << 20
	// MaxFrame is the greatest number of bytes of a frame: of a piece that cannot be compressed.
	MaxFrame = MaxPiece + 4<<10
	// Window is how many bytes of the old content of a file that is one compressed stream a piece needs; the windows
	// of following pieces never begin earlier. So a device reads such a file once, from its beginning to its end.
	Window = 2 << 20

	// Full is the name of the payload that has everything.
	Full = "full"

	rootDigits = 16
)

// Patch returns the name of the payload for devices whose running slot has that root hash.
func Patch(roothash string) string {
	return "from-" + roothash[:min(rootDigits, len(roothash))] + ".patch"
}

// Sum is a sha256. The zero Sum is none.
type Sum [32]byte

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText writes 64 hexadecimal digits.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Sum) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(s)) {
		return fmt.Errorf("sha256 %q", b)
	}
	_, err := hex.Decode(s[:], b)
	return err
}

// Op says where the content of a piece comes from.
type Op string

// The operations.
const (
	OpCopy  Op = "copy"  // contents of the running slot
	OpPatch Op = "patch" // images/delta applied to them, and a frame
	OpFull  Op = "full"  // a frame, zstd
)

// Ref is content of the running slot.
type Ref struct {
	File string `json:"file"` // of the manifest
	// Path is of a file in the root image. Without it the content is the file's own: of an image the bytes at Offset,
	// which are raw, of anything else the content of its form.
	Path   string `json:"path,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Length int64  `json:"length"`
}

// Old is the running slot.
type Old interface {
	// ReadContent fills b, which has the length of the reference.
	ReadContent(ctx context.Context, from Ref, b []byte) error
}

// Range is a part of a payload file.
type Range struct{ Offset, Length int64 }

// Frames reads a payload file.
type Frames interface {
	// ReadFrame fills b, which has the length of the range. What is there has that sum, if it is right: whoever can
	// take it from another place compares. Frames are read in the order of the file, some are left out.
	ReadFrame(ctx context.Context, at Range, sum Sum, b []byte) error
}

// Piece is the contents of consecutive regions.
type Piece struct {
	Op   Op    `json:"op"`
	Size int   `json:"size"` // of the content
	Sum  Sum   `json:"sum"`  // of the content
	From []Ref `json:"from,omitempty"`
	// Stored and Made are length and sum of the bytes that the form makes of the piece. They are zero if it is raw, as
	// they are the content, and if the file is one stream, which has no bytes of one piece.
	Stored   int   `json:"stored,omitempty"`
	Made     Sum   `json:"made,omitzero"`
	Frame    Range `json:"-"` // from the beginning of the file
	Length   int64 `json:"frame,omitempty"`
	FrameSum Sum   `json:"frameSum,omitzero"`
}
