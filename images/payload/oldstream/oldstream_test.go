package oldstream

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/proa-os/proa/images/payload"
)

// TestStream: any part of the window behind what was read is there without reading again; what lies before it takes
// another pass, and what lies behind the end is an error.
func TestStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 3*payload.Window+1234)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	passes := 0
	s := New(func() (io.ReadCloser, error) { passes++; return io.NopCloser(bytes.NewReader(content)), nil })
	defer s.Close()
	read := func(off, n int) {
		t.Helper()
		b := make([]byte, n)
		if err := s.ReadContent(t.Context(), int64(off), b); err != nil || !bytes.Equal(b, content[off:off+n]) {
			t.Errorf("%d bytes at %d: other content, or %v", n, off, err)
		}
	}
	for begin := 0; begin < 2*payload.Window; begin += 1 << 19 {
		read(begin+payload.Window-7, 7)
		for range 20 {
			off := r.IntN(payload.Window - 100)
			read(begin+off, r.IntN(100))
		}
		read(begin, payload.Window)
	}
	if passes != 1 {
		t.Errorf("%d passes", passes)
	}
	if read(0, 10); passes != 2 {
		t.Errorf("%d passes for the beginning", passes)
	}
	if err := s.ReadContent(t.Context(), int64(len(content))-5, make([]byte, 6)); err == nil {
		t.Error("the stream can be read behind its end")
	}
}
