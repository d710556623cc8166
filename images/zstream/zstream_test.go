package zstream

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/images/golden"
)

// sample is n bytes that look a bit like an archive: words at random, repeated from near and far, and noise.
func sample(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	out := make([]byte, 0, n+300)
	for len(out) < n {
		switch at := len(out); {
		case at > 0 && r.IntN(3) == 0:
			from := max(0, at-1-r.IntN(1+min(at, 1<<(4+r.IntN(18)))))
			out = append(out, out[from:from+min(at-from, r.IntN(300))]...)
		case r.IntN(4) == 0:
			for range r.IntN(20) {
				out = append(out, byte(r.Uint32()))
			}
		default:
			out = fmt.Appendf(out, "%x %s", r.Uint32()&0xfff, []string{"module", "license=GPL", "\x00\x00\x00\x00", "alias"}[r.IntN(4)])
		}
	}
	return out[:n]
}

var sizes = []int{0, 1, 255, 256, 257, 1024, 65536, 128<<10 - 1, 128 << 10, 128<<10 + 1, Window, Window + 1, 3 << 20}

func pack(t *testing.T, content []byte, chunk int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for rest := content; len(rest) > 0; {
		n := min(len(rest), chunk)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFrozen: the bytes are those of every release so far. If this fails after an update of the library, the new
// encoder is a new form.
func TestFrozen(t *testing.T) {
	var text string
	for _, n := range sizes {
		packed := pack(t, sample(n), 1<<20)
		text += fmt.Sprintf("%7d %7d %x\n", n, len(packed), sha256.Sum256(packed))
	}
	golden.Check(t, Form, text)
}

func TestWritesDoNotMatter(t *testing.T) {
	for _, n := range sizes {
		want := pack(t, sample(n), 1<<30)
		for _, chunk := range []int{977, 4096, 128 << 10, 200_000} {
			if !bytes.Equal(pack(t, sample(n), chunk), want) {
				t.Errorf("%d bytes in writes of %d", n, chunk)
			}
		}
		var b bytes.Buffer
		w, err := NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(w, bytes.NewReader(sample(n)))
		if err = w.Close(); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d bytes by io.Copy: %v", n, err)
		}
	}
}

func TestReadBack(t *testing.T) {
	bin, _ := exec.LookPath("zstd")
	for _, n := range sizes {
		packed := pack(t, sample(n), 1<<20)
		r, err := NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, sample(n)) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if bin == "" {
			continue
		}
		c := exec.Command(bin, "-dc")
		c.Stdin = bytes.NewReader(packed)
		if got, err := c.Output(); err != nil || !bytes.Equal(got, sample(n)) {
			t.Errorf("zstd: %d bytes: %d, %v", n, len(got), err)
		}
	}
}

func TestRefusesLargeWindows(t *testing.T) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(2*Window))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(sample(3 * Window)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if err == nil {
		t.Error("a frame with a window of 1 MiB was read")
	}
}

// TestMemory: unpacking a file and packing it again takes less than 8 MiB of heap.
func TestMemory(t *testing.T) {
	packed := pack(t, sample(4<<20), 1<<20)
	before := heap()
	r, err := NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, r, 3<<20); err != nil {
		t.Fatal(err)
	}
	if used := heap() - before; used > 8<<20 || used < 1<<20 {
		t.Errorf("%d KiB", used>>10)
	} else {
		t.Logf("%d KiB", used>>10)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(packed)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
