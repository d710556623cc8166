package transport

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
)

// Bundle has the files of a release in one file: a plain tar (USTAR), uncompressed. Its headers lead from one to the
// next, so that a few short reads find every file, of which any part is then read by itself: on a stick, and by ranges on
// a server. A zip has an index at its end, but says everything twice, and neither can be written to a pipe nor be read
// from one.
type Bundle struct {
	name  string
	from  File
	files map[string]extent
}

// extent is where a file lies in the bundle.
type extent struct{ at, size int64 }

// maxFiles is the number of files in a bundle.
const maxFiles = 4096

// OpenBundle reads the headers of a bundle. The bundle is closed by Close. It accepts regular files only, each once.
func OpenBundle(ctx context.Context, name string, from File) (*Bundle, error) {
	b := &Bundle{name: name, from: from, files: map[string]extent{}}
	in := &seeker{ctx: ctx, f: from}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && len(b.files) > 0 {
			return b, nil
		}
		if err == nil {
			err = b.add(h, in.at)
		}
		if err != nil {
			return nil, fmt.Errorf("%s is no bundle of a release: %w", name, err)
		}
	}
}

func (b *Bundle) add(h *tar.Header, at int64) error {
	if err := valid(h.Name); err != nil {
		return err
	}
	_, twice := b.files[h.Name]
	switch {
	case h.Typeflag != tar.TypeReg || h.Format&tar.FormatUSTAR == 0 && h.Format != tar.FormatUnknown:
		return fmt.Errorf("%s is no regular file as USTAR has it", h.Name)
	case twice:
		return fmt.Errorf("%s is there twice", h.Name)
	case len(b.files) == maxFiles:
		return fmt.Errorf("more than %d files", maxFiles)
	case b.from.Size() >= 0 && at+h.Size > b.from.Size():
		return fmt.Errorf("%s is cut off", h.Name)
	}
	b.files[h.Name] = extent{at, h.Size}
	return nil
}

// String returns the bundle's name.
func (b *Bundle) String() string { return b.name }

// Close closes the bundle, and with it all its files.
func (b *Bundle) Close() error { return b.from.Close() }

// Open implements Source. Files of a bundle share one connection: two that are read in turns are slow on a server.
func (b *Bundle) Open(_ context.Context, name string, size int64) (File, error) {
	e, ok := b.files[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s in %s: %w", name, b.name, ErrMissing)
	case size >= 0 && size != e.size:
		return nil, fmt.Errorf("%s in %s has %d bytes, expected are %d", name, b.name, e.size, size)
	}
	return &part{from: b.from, extent: e}, nil
}

// part is a file in a bundle.
type part struct {
	from File
	extent
	got int64
}

func (p *part) Size() int64     { return p.size }
func (p *part) Received() int64 { return p.got }
func (p *part) Close() error    { return nil }

func (p *part) Until(end int64) {
	if end < 0 {
		end = p.size
	}
	p.from.Until(p.at + end)
}

func (p *part) ReadAt(ctx context.Context, b []byte, off int64) (int, error) {
	if off >= p.size {
		return 0, io.EOF
	}
	want := b[:min(int64(len(b)), p.size-off)]
	was := p.from.Received() // by all files of the bundle
	n, err := p.from.ReadAt(ctx, want, p.at+off)
	p.got += p.from.Received() - was
	switch {
	case errors.Is(err, io.EOF) && n < len(want):
		return n, io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF), err == nil && n < len(b):
		return n, eofIf(n < len(b))
	}
	return n, err
}

func eofIf(end bool) error {
	if end {
		return io.EOF
	}
	return nil
}

// seeker reads a file for archive/tar, which skips contents by seeking.
type seeker struct {
	ctx context.Context
	f   File
	at  int64
}

func (s *seeker) Read(b []byte) (int, error) {
	s.f.Until(Unknown)
	n, err := s.f.ReadAt(s.ctx, b, s.at)
	s.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return n, err
}

// Seek implements io.Seeker as far as archive/tar needs it: forward from where it is.
func (s *seeker) Seek(off int64, whence int) (int64, error) {
	if whence != io.SeekCurrent {
		return 0, errors.ErrUnsupported
	}
	s.at += off
	return s.at, nil
}
