// Package delta makes and applies the difference of two contents, as bsdiff does for executables, in pieces: a patch
// makes at most MaxPiece bytes of the new content of any part of the old one, which is read where it is needed. In an
// executable that was linked again most bytes are the old ones at another place, and addresses in them differ by few
// amounts; so a patch copies with the differences of words of four bytes.
//
// A patch of format 1 is: a byte 1; the number of new bytes; for each of four streams, in the order control, gaps,
// values, literals, its number of bytes and its number of stored bytes; then the streams. A stream is one zstd frame
// if it is smaller so, else its bytes. All numbers are varints of encoding/binary: unsigned, unless said otherwise.
//
//	control   of each operation: bytes to copy, their offset in the old content less the end of the last copy (signed),
//	          bytes to take from the literals behind them
//	gaps      before each word that differs: copied bytes since the last one, also of other operations. The word is the
//	          next four copied bytes, or fewer where the copy ends
//	values    of each such word: new less old, both little endian, modulo 2^32 (signed)
//	literals  bytes that are not copied
//
// Apply refuses what is not such a patch, reads and writes nothing outside of what it was given, and needs no more than
// MaxStreams of memory besides it and the decoder's tables. It cannot know whether the old content is the right one:
// the caller compares the hash of what it made. The same contents give the same patch.
package delta

import "errors"

const (
	// MaxPiece is the greatest number of new bytes of one patch.
	MaxPiece = 1 << 20
	// MaxOld is the greatest number of old bytes.
	MaxOld = 1 << 31
	// MaxStreams is the greatest number of bytes of all streams of a patch together.
	MaxStreams = 2 << 20

	format = 1
	word   = 4
)

// The streams of a patch.
const (
	control = iota
	gaps
	values
	literals
	streams
)

// ErrTooLarge is returned for contents so different that the patch would exceed MaxStreams.
var ErrTooLarge = errors.New("delta: the contents are too different for a patch")
