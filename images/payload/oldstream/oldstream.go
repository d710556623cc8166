// Package oldstream reads the content of an old file that is one compressed stream, as the pieces of a patch need it: in
// the order of the file, and never from before a window. It refuses longer reads than that window. It compares nothing:
// images/payload does.
package oldstream

import (
	"context"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/payload"
)

// Stream reads the content of an old file that is one compressed stream: once, from its beginning to its end, and keeps
// the last payload.Window bytes, as pieces of a patch need it.
type Stream struct {
	open func() (io.ReadCloser, error)
	in   io.ReadCloser
	kept []byte // a ring
	end  int64  // of what was read
}

// New returns a stream that is opened when it is read.
func New(open func() (io.ReadCloser, error)) *Stream { return &Stream{open: open} }

// ReadContent fills b with the content from an offset on. What lies more than the window before the end of what was read
// needs another pass from the beginning.
func (s *Stream) ReadContent(ctx context.Context, off int64, b []byte) error {
	if off < 0 || len(b) > payload.Window {
		return fmt.Errorf("%d bytes at %d of a stream", len(b), off)
	}
	if s.in == nil || off < s.end-int64(len(s.kept)) {
		if err := s.restart(); err != nil {
			return err
		}
	}
	for s.end < off+int64(len(b)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.more(off + int64(len(b)) - s.end); err != nil {
			return err
		}
	}
	for n := 0; n < len(b); {
		at := int((off + int64(n)) % payload.Window)
		n += copy(b[n:], s.kept[at:])
	}
	return nil
}

func (s *Stream) restart() (err error) {
	if s.in != nil {
		s.in.Close() // it was only read
	}
	if s.kept == nil {
		s.kept = make([]byte, payload.Window)
	}
	s.end = 0
	s.in, err = s.open()
	return err
}

// more reads up to n bytes, at most as many as follow in the ring.
func (s *Stream) more(n int64) error {
	at := s.end % payload.Window
	got, err := s.in.Read(s.kept[at:min(payload.Window, at+n)])
	s.end += int64(got)
	if got == 0 && err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// Close closes what is open.
func (s *Stream) Close() error {
	if s.in == nil {
		return nil
	}
	return s.in.Close()
}
