// Package transport reads the files of a release wherever they are: below the URLs of mirrors (web.go), in a directory
// such as that of a USB stick (dir.go), or in one file that has them all (bundle.go). Files are read in ranges, in
// increasing order as far as possible, and never as a whole.
//
// It refuses files that are longer or shorter than expected, answers for another range than the one asked for, a file
// that changes while it is read, and names that lead out of the release. It goes on after every interruption until there
// has been no progress for a while. It verifies no contents: who reads knows their hashes. Errors name the host, and
// never path, query or credentials of a URL, which may be secrets.
package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Unknown is the size of a file that is not known yet.
const Unknown = -1

// Source has the files of a release.
type Source interface {
	// Open opens a file by its slash-separated name. size is its length in bytes as signed metadata says, or Unknown. The
	// context is that of the file until it is closed. A file that is not there may be noticed by the first ReadAt only.
	Open(ctx context.Context, name string, size int64) (File, error)
	// String names the source for people: hosts, or a path.
	String() string
}

// File is an open file of a release. It is not for concurrent use.
type File interface {
	// ReadAt fills b from an offset on. It returns io.EOF if the file ends before. Reads in the order of the file are
	// cheap; small gaps are read and dropped.
	ReadAt(ctx context.Context, b []byte, off int64) (int, error)
	// Until announces that what follows is read up to an offset, so that nothing beyond it is transferred; Unknown: up to
	// the end of the file.
	Until(end int64)
	// Size returns the size in bytes, or Unknown.
	Size() int64
	// Received returns how many bytes were transferred for the reads so far, with those that were dropped.
	Received() int64
	io.Closer
}

// Get reads a whole file of at most limit bytes, and of exactly size bytes unless that is Unknown.
func Get(ctx context.Context, s Source, name string, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("read %s: %d bytes are more than the %d that are accepted", name, size, limit)
	}
	f, err := s.Open(ctx, name, size)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(Reader(ctx, f), limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("read %s: longer than the %d bytes that are accepted", name, limit)
	}
	return b, err
}

// Reader reads a file from its beginning to its end.
func Reader(ctx context.Context, f File) io.Reader { return &sequence{ctx: ctx, f: f} }

type sequence struct {
	ctx context.Context
	f   File
	at  int64
}

func (s *sequence) Read(b []byte) (int, error) {
	const piece = 64 << 10 // progress is seen soon on slow connections
	n, err := s.f.ReadAt(s.ctx, b[:min(len(b), piece)], s.at)
	s.at += int64(n)
	return n, err
}

// ErrMissing is in the errors about a file that the source does not have.
var ErrMissing = errors.New("there is no such file")

// valid refuses names that lead out of the release.
func valid(name string) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%q is no name of a file in a release", name)
	}
	return nil
}
