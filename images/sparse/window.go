package sparse

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/diskfs/go-diskfs/backend"
)

// ReadWriterAt is implemented by image files and block devices.
type ReadWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// Window is a section of an image or a block device, size bytes at an offset, in the form go-diskfs wants.
type Window struct {
	*io.SectionReader
	rw ReadWriterAt
	at int64
}

var _ backend.Storage = (*Window)(nil)

// NewWindow returns the window; writes outside of it are errors.
func NewWindow(rw ReadWriterAt, at, size int64) *Window {
	return &Window{io.NewSectionReader(rw, at, size), rw, at}
}

// WriteAt implements io.WriterAt.
func (w *Window) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > w.Size() {
		return 0, fs.ErrInvalid
	}
	return w.rw.WriteAt(p, w.at+off)
}

// Sync flushes the underlying file, so that go-diskfs's write order holds on a block device.
func (w *Window) Sync() error {
	if s, ok := w.rw.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

// Close does nothing: the caller closes the underlying file.
func (w *Window) Close() error { return nil }

// Stat returns a FileInfo that has only a size.
func (w *Window) Stat() (fs.FileInfo, error) { return info(w.Size()), nil }

// Sys hides the underlying file, so that go-diskfs makes no ioctl calls on it.
func (w *Window) Sys() (*os.File, error) { return nil, errors.ErrUnsupported }

// Writable returns the window itself.
func (w *Window) Writable() (backend.WritableFile, error) { return w, nil }

// Path is empty: a window has no name.
func (w *Window) Path() string { return "" }
