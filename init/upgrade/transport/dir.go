package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Dir has the files below a directory, such as that of a USB stick. Links that lead out of it are not followed.
type Dir struct {
	Path string
}

// String returns the path.
func (d Dir) String() string { return d.Path }

// Open implements Source.
func (d Dir) Open(_ context.Context, name string, size int64) (File, error) {
	if err := valid(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return nil, missing(err)
	}
	defer root.Close() // its files stay open
	f, err := root.Open(name)
	if err != nil {
		return nil, missing(err)
	}
	return local(f, size)
}

// OpenPath opens one file.
func OpenPath(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, missing(err)
	}
	return local(f, Unknown)
}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, ErrMissing)
	}
	return err
}

func local(f *os.File, size int64) (File, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file", f.Name())
	case size >= 0 && info.Size() != size:
		err = fmt.Errorf("%s has %d bytes, expected are %d", f.Name(), info.Size(), size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &localFile{f: f, size: info.Size()}, nil
}

// localFile is a part of a file of this machine: all of it, or a file within a bundle.
type localFile struct {
	f         *os.File
	size, got int64
}

func (l *localFile) Until(int64)     {}
func (l *localFile) Size() int64     { return l.size }
func (l *localFile) Received() int64 { return l.got }
func (l *localFile) Close() error    { return l.f.Close() }

func (l *localFile) ReadAt(ctx context.Context, b []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if off >= l.size {
		return 0, io.EOF
	}
	n, err := l.f.ReadAt(b[:min(int64(len(b)), l.size-off)], off)
	l.got += int64(n)
	if errors.Is(err, io.EOF) && off+int64(n) < l.size {
		err = fmt.Errorf("read %s at %d: %w (is the stick still there?)", l.f.Name(), off+int64(n), io.ErrUnexpectedEOF)
	}
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}
