package sparse

import (
	"bytes"
	"io"
	"testing"
)

func TestReadsWhatWasWritten(t *testing.T) {
	f := New(3*chunk + 100)
	want := make([]byte, 3*chunk+100)
	for _, w := range []struct {
		off int64
		b   []byte
	}{
		{10, []byte("hello")}, {chunk - 2, []byte("across")}, {3*chunk + 95, []byte("end!!")},
		{12, []byte{0, 0}}, {2 * chunk, make([]byte, 50)},
	} {
		if _, err := f.WriteAt(w.b, w.off); err != nil {
			t.Fatal(err)
		}
		copy(want[w.off:], w.b)
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes read, equal: %v, %v", len(got), bytes.Equal(got, want), err)
	}
	if len(f.chunks) != 3 {
		t.Errorf("%d chunks kept: zeros are not holes", len(f.chunks))
	}
}

// writes records where something is written.
type writes map[int64]int

func (w writes) WriteAt(b []byte, off int64) (int, error) { w[off] += len(b); return len(b), nil }

func TestCopyToLeavesHoles(t *testing.T) {
	f := New(10*chunk + 5)
	f.WriteAt([]byte{1}, 4*chunk+7)
	f.WriteAt([]byte{1}, 10*chunk)
	f.WriteAt([]byte{1}, 6*chunk)
	f.WriteAt([]byte{0}, 6*chunk) // a hole again
	w := writes{}
	if err := f.CopyTo(w, 1000); err != nil {
		t.Fatal(err)
	}
	if len(w) != 2 || w[4*chunk+1000] != chunk || w[10*chunk+1000] != 5 {
		t.Errorf("%v", w)
	}
}

func TestBounds(t *testing.T) {
	f := New(100)
	inner := NewWindow(f, 50, 20)
	for name, err := range map[string]error{
		"beyond the end":        writeErr(f, 98),
		"before the start":      writeErr(f, -1),
		"beyond the window":     writeErr(inner, 18),
		"before the window":     writeErr(inner, -3),
		"read before the start": readErr(f),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := inner.WriteAt([]byte("abc"), 17); err != nil {
		t.Error(err)
	}
	b := make([]byte, 3)
	if _, err := f.ReadAt(b, 67); err != nil || string(b) != "abc" {
		t.Errorf("%q, %v", b, err)
	}
}

func writeErr(w io.WriterAt, off int64) error { _, err := w.WriteAt([]byte("abc"), off); return err }
func readErr(r io.ReaderAt) error             { _, err := r.ReadAt(make([]byte, 1), -1); return err }

func TestIsZero(t *testing.T) {
	b := make([]byte, 21)
	if !IsZero(b) || !IsZero(nil) {
		t.Error("zeros are not zero")
	}
	for i := range b {
		b[i] = 1
		if IsZero(b) {
			t.Errorf("byte %d was overlooked", i)
		}
		b[i] = 0
	}
}
