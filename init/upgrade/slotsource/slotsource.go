// Package slotsource reads a slot file in ranges, as a source for slotwrite: a slot file is a plain tar, whose manifest
// says where each file lies. So nothing that the slot does not need is transferred, and a write that was interrupted
// goes on where it stopped. It refuses a file that is too short or too long for its manifest. It compares no contents:
// slotwrite does, on the medium.
package slotsource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Source is a slot file. It implements slotwrite.Source and slotwrite.Resumer.
type Source struct {
	file transport.File
	m    slotfile.Manifest
	text []byte           // of the manifest
	sig  []byte           // manifest.sig
	at   map[string]int64 // where the content of each file begins
	end  int64            // of the archive
	mark Mark
}

// Mark remembers how much of a root was written, across restarts.
type Mark interface {
	// Written returns the bytes of the root of the slot with that manifest that are on the medium.
	Written(manifest string) int64
}

// piece is the number of bytes after which a read makes progress.
const piece = 64 << 10

// Open reads the manifest and its signatures. Nothing is resumed without a mark.
func Open(ctx context.Context, file transport.File, mark Mark) (*Source, error) {
	in, err := slotfile.NewReader(transport.Reader(ctx, file))
	if err != nil {
		return nil, err
	}
	s := &Source{file: file, m: in.Manifest, text: in.Raw, sig: in.Sig, mark: mark}
	s.at, s.end = s.m.Offsets(len(in.Raw), len(in.Sig))
	return s, nil
}

// Manifest implements slotwrite.Source.
func (s *Source) Manifest() (slotfile.Manifest, []byte) { return s.m, s.text }

// Signatures implements slotwrite.Source.
func (s *Source) Signatures() []byte { return s.sig }

// Bytes returns how many bytes were transferred so far.
func (s *Source) Bytes() int64 { return s.file.Received() }

// ReadRange implements slotwrite.Source.
func (s *Source) ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error {
	at, ok := s.at[f.Name]
	if !ok || off < 0 || off+int64(len(b)) > f.Size {
		return fmt.Errorf("%s has no bytes %d to %d", f.Name, off, off+int64(len(b)))
	}
	for len(b) > 0 {
		n, err := s.file.ReadAt(ctx, b[:min(piece, len(b))], at+off)
		if errors.Is(err, io.EOF) && n < min(piece, len(b)) {
			return fmt.Errorf("slot file: truncated in %s: %w", f.Name, io.ErrUnexpectedEOF)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		step.Moved(ctx)
		b, off = b[n:], off+int64(n)
	}
	return nil
}

// End implements slotwrite.Source.
func (s *Source) End(ctx context.Context) error {
	n, err := s.file.ReadAt(ctx, make([]byte, 1), s.end)
	switch {
	case n > 0:
		return errors.New("slot file: data after the end of the archive")
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case s.file.Size() >= 0 && s.file.Size() < s.end:
		return fmt.Errorf("slot file: truncated: %d bytes, the manifest needs %d", s.file.Size(), s.end)
	}
	return nil
}

// ID names the slot by its manifest.
func (s *Source) ID() string {
	sum := sha256.Sum256(s.text)
	return hex.EncodeToString(sum[:])
}

// Verified implements slotwrite.Resumer: what was flushed before the interruption.
func (s *Source) Verified(_ context.Context, f slotfile.File, _ io.ReaderAt) (int64, error) {
	if s.mark == nil || f.Name != slotfile.RootName {
		return 0, nil
	}
	return s.mark.Written(s.ID()), nil
}
