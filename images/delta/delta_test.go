package delta

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// linked returns something like an executable: functions of random bytes that call each other by distance. One more
// function at the beginning moves all others.
func linked(seed uint64, functions, more int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	body := make([][]byte, functions)
	at, end := make([]int, functions), more
	for i := range body {
		body[i] = make([]byte, 64+16*r.IntN(20))
		for k := range body[i] {
			body[i][k] = byte(r.Uint32())
		}
		at[i] = end
		end += len(body[i])
	}
	out := bytes.Repeat([]byte{0x90}, more)
	for i, b := range body {
		for k := 20; k+4 <= len(b); k += 24 {
			target := 0 // calls that do not move beside those that do
			if to := r.IntN(2 * functions); to < functions {
				target = at[to]
			}
			binary.LittleEndian.PutUint32(b[k:], uint32(target-at[i]-k))
		}
		out = append(out, b...)
	}
	return out
}

// through returns the patches of all pieces, and requires that they make the new content.
func through(t testing.TB, old, content []byte) (patches [][]byte) {
	t.Helper()
	x, err := NewIndex(old)
	must(t, err)
	a, err := NewApplier()
	must(t, err)
	near := int64(0)
	for at := 0; at < len(content); at += MaxPiece {
		piece := content[at:min(len(content), at+MaxPiece)]
		patch, next, err := x.Diff(piece, near)
		must(t, err)
		near = next
		got := bytes.Repeat([]byte{0xee}, len(piece))
		must(t, a.Apply(got, bytes.NewReader(old), int64(len(old)), patch))
		if !bytes.Equal(got, piece) {
			t.Fatalf("piece at %d: other bytes", at)
		}
		patches = append(patches, patch)
	}
	return patches
}

func size(patches [][]byte) (n int) {
	for _, p := range patches {
		n += len(p)
	}
	return n
}

// TestShapes: whatever was done to the content, the patch makes it, and is as small as it should be.
func TestShapes(t *testing.T) {
	exe := linked(1, 8000, 0)
	other := linked(2, 2000, 0)
	long := append(linked(3, 8000, 0), exe...)
	for _, c := range []struct {
		name     string
		old, new []byte
		most     int // bytes of all patches
	}{
		{"equal", exe, exe, 40 * 2},
		{"linked again", exe, linked(1, 8000, 48), 55_000},
		{"one byte", exe, append(append(bytes.Clone(exe[:99_999]), 7), exe[100_000:]...), 100},
		{"moved by a piece", exe, append(bytes.Clone(other), exe...), len(other) + 200},
		{"another one", exe, other, len(other) + 100},
		{"beginning", exe, exe[:1000], 60},
		{"end", exe, exe[len(exe)-1000:], 60},
		{"middle of a long one", long, long[1_500_001:2_500_001], 60},
		{"zeros", make([]byte, 1<<20), make([]byte, 3<<20), 200},
		{"zeros of nothing", nil, make([]byte, 3<<20), 300},
		{"nothing", exe, nil, 0},
		{"less than a window", exe[:7], exe[:9], 60},
		{"one byte of nothing", nil, []byte{1}, 30},
	} {
		if got := size(through(t, c.old, c.new)); got > c.most {
			t.Errorf("%s: patches of %d bytes, at most %d expected", c.name, got, c.most)
		}
	}
}

// TestSame: the same contents give the same patch, also from two goroutines at once.
func TestSame(t *testing.T) {
	old, b := linked(1, 4000, 0), linked(1, 4000, 32)
	x, err := NewIndex(old)
	must(t, err)
	want, _, err := x.Diff(b, 0)
	must(t, err)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			got, _, err := x.Diff(b, 0)
			if err == nil && !bytes.Equal(got, want) {
				err = errors.New("another patch")
			}
			done <- err
		}()
	}
	for range cap(done) {
		must(t, <-done)
	}
}

// frozen is a patch of format 1: patches that lie on a server must stay readable.
const frozen = "01" + "22" + "0606" + "0202" + "0202" + "0606" + // 34 bytes; four streams, none compressed
	"100400" + // 16 bytes from 2
	"0c1506" + // 12 bytes from 18-11=7; 6 literals
	"0510" + // words at 5, and at 16 more: in the second copy, at its byte 9
	"0203" + // +1, -2; the second word has three bytes
	"6e6577656e64"

func TestFrozenPatch(t *testing.T) {
	patch, err := hex.DecodeString(frozen)
	must(t, err)
	a, err := NewApplier()
	must(t, err)
	old, got := []byte("0123456789abcdefghijklmnopqrstuvwxyz"), make([]byte, 34)
	must(t, a.Apply(got, bytes.NewReader(old), int64(len(old)), patch))
	if want := "23456889abcdefgh" + "789abcdefehi" + "newend"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestDamage: a patch of which any byte is another, or that is cut off or too long, is refused or makes what a hash
// tells from the content; nothing is written beyond the piece.
func TestDamage(t *testing.T) {
	old, b := linked(1, 60, 0), linked(1, 60, 48)
	patch := through(t, old, b)[0]
	a, err := NewApplier()
	must(t, err)
	buf := make([]byte, len(b)+8)
	apply := func(patch []byte) error {
		clear(buf)
		err := a.Apply(buf[:len(b)], bytes.NewReader(old), int64(len(old)), patch)
		if !bytes.Equal(buf[len(b):], make([]byte, 8)) {
			t.Fatal("written beyond the piece")
		}
		return err
	}
	for i := range patch {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(patch)
			bad[i] ^= bit
			if err := apply(bad); err == nil && bytes.Equal(buf[:len(b)], b) && i > 20 {
				t.Logf("byte %d: the same content", i) // a zstd header has bits without a meaning
			}
		}
		if apply(patch[:i]) == nil {
			t.Errorf("accepted when cut off at %d", i)
		}
	}
	if apply(append(bytes.Clone(patch), 0)) == nil {
		t.Error("accepted with a byte more")
	}
	must(t, apply(patch))
}

// TestRefuses: each number is checked.
func TestRefuses(t *testing.T) {
	a, err := NewApplier()
	must(t, err)
	text := []byte("0123456789")
	for _, c := range []struct{ name, patch, want string }{
		{"format", "02" + "04" + "0000000004040404", "not of format 1"},
		{"size", "01" + "05" + "03030000000005050005056162636465", "makes 5 bytes"},
		{"size of 2^64-1", "01ffffffffffffffffff01", "damaged"},
		{"streams beyond MaxStreams", "01" + "04" + "808080010000000000000000", "damaged"},
		{"streams too large together", "01" + "04" + "80804000" + "80804000" + "0100" + "0000", "damaged"},
		{"before the beginning", "01" + "04" + "0303000000000000" + "040100", "damaged"},
		{"beyond the end", "01" + "04" + "0303000000000000" + "040e00", "damaged"},
		{"copy beyond the piece", "01" + "04" + "0303000000000000" + "050000", "damaged"},
		{"copy of less than the piece", "01" + "04" + "0303000000000000" + "030000", "damaged"},
		{"literals missing", "01" + "04" + "0303000000000000" + "000004", "damaged"},
		{"literals left", "01" + "04" + "0303000000000101" + "04000061", "damaged"},
		{"gap beyond the end", "01" + "04" + "0303010101010000" + "0400000402", "damaged"},
		{"value missing", "01" + "04" + "0303010100000000" + "04000002", "damaged"},
		{"value of 33 bits", "01" + "04" + "0303010105050000" + "04000002" + "8080808010", "damaged"},
		{"no zstd", "01" + "04" + "0903000000000000" + "040000", "damaged"},
	} {
		patch, err := hex.DecodeString(c.patch)
		must(t, err)
		if err := a.Apply(make([]byte, 4), bytes.NewReader(text), 10, patch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := a.Apply(make([]byte, 4), bytes.NewReader(text[:3]), 10, []byte{1, 4, 3, 3, 0, 0, 0, 0, 0, 0, 4, 0, 0}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("old content that ends early: %v", err)
	}
	x, err := NewIndex(nil)
	must(t, err)
	if _, _, err := x.Diff(make([]byte, MaxPiece+1), 0); err == nil {
		t.Error("a piece that is too large")
	}
}

// TestMemory: applying many patches allocates no more than one needs, whatever the old content's size.
func TestMemory(t *testing.T) {
	old := linked(1, 40_000, 0)
	patches := through(t, old, linked(1, 40_000, 48))
	last := patches[len(patches)-2]
	a, err := NewApplier()
	must(t, err)
	dst := make([]byte, MaxPiece)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		must(t, a.Apply(dst, bytes.NewReader(old), int64(len(old)), last))
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// FuzzApply: no patch makes Apply panic, read or write out of range, or allocate more than the bound.
func FuzzApply(f *testing.F) {
	old := linked(1, 60, 0)
	for _, b := range [][]byte{old, linked(1, 60, 48), linked(2, 40, 0)} {
		f.Add(through(f, old, b)[0], len(b))
	}
	patch, err := hex.DecodeString(frozen)
	must(f, err)
	f.Add(patch, 34)
	a, err := NewApplier()
	must(f, err)
	f.Fuzz(func(t *testing.T, patch []byte, size int) {
		if size < 0 || size > MaxPiece {
			return
		}
		buf := make([]byte, size+8)
		err := a.Apply(buf[:size:size], within{t, old}, int64(len(old)), patch)
		if !bytes.Equal(buf[size:], make([]byte, 8)) || cap(a.buf) > MaxStreams {
			t.Fatalf("%v; written beyond the piece, or %d bytes kept", err, cap(a.buf))
		}
	})
}

// FuzzDiff: of any two contents the patch makes the new one.
func FuzzDiff(f *testing.F) {
	f.Add([]byte(""), []byte("a"))
	f.Add([]byte("0123456789abcdef0123456789abcdef"), []byte("0123456789abcdef9123456789abcdef"))
	f.Add(linked(1, 9, 0), linked(1, 9, 5))
	f.Fuzz(func(t *testing.T, old, b []byte) { through(t, old, b) })
}

// within fails the test if it is read out of range.
type within struct {
	t   *testing.T
	old []byte
}

func (w within) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(w.old)) {
		w.t.Fatal(fmt.Sprintf("%d bytes read at %d of %d", len(b), at, len(w.old)))
	}
	return copy(b, w.old[at:]), nil
}
