package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/upgrade/peers"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// frames reads a payload file.
type frames struct {
	file transport.File
	path string        // of the target, for people
	near *peers.Client // nil: nobody nearby is asked
}

// part is the number of bytes after which a read makes progress.
const part = 64 << 10

// ReadFrame implements payload.Frames.
func (f *frames) ReadFrame(ctx context.Context, at payload.Range, _ payload.Sum, b []byte) error {
	f.file.Until(transport.Unknown)
	if f.near != nil && f.near.Follows() { // the next frame is not asked for: a server would have sent more by the time
		f.file.Until(at.Offset + at.Length)
	}
	return f.fill(ctx, b, at.Offset)
}

func (f *frames) fill(ctx context.Context, b []byte, off int64) error {
	for len(b) > 0 {
		want := b[:min(part, len(b))]
		n, err := f.file.ReadAt(ctx, want, off)
		if errors.Is(err, io.EOF) && n < len(want) {
			return fmt.Errorf("%s: truncated: %w; upload the release again", f.path, io.ErrUnexpectedEOF)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		step.Moved(ctx)
		b, off = b[n:], off+int64(n)
	}
	return nil
}

// index returns the text of the index, which must have that length and sum.
func (f *frames) index(ctx context.Context, want releasemeta.Index) ([]byte, error) {
	if want.Length > payload.MaxIndex {
		return nil, fmt.Errorf("%s: an index of %d bytes, at most %d are read", f.path, want.Length, payload.MaxIndex)
	}
	b := make([]byte, want.Length)
	if err := f.fill(ctx, b, 0); err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, fmt.Errorf("%s: %w; upload the release again", f.path, errIndex)
	}
	return b, nil
}

var errIndex = errors.New("damaged payload: its index has another sha256 than the metadata says")
