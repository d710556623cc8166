package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/proa-os/proa/build/powercut/writelog"
)

const disk = 64 * pageSize

// recorder makes a log in memory.
type recorder struct{ Run }

func newRecorder() *recorder {
	base := bytes.Repeat([]byte("base"), disk/4)
	return &recorder{Run{Base: bytes.NewReader(base), Size: disk}}
}

func (r *recorder) write(at int64, fill byte, size int64) {
	r.Entries = append(r.Entries, writelog.Entry{Kind: writelog.Write, At: at, Size: size, Data: int64(len(r.Log)), Head: int64(len(r.Log))})
	r.Log = append(r.Log, bytes.Repeat([]byte{fill}, int(size))...)
}

func (r *recorder) flush() {
	r.Entries = append(r.Entries, writelog.Entry{Kind: writelog.Flush, Head: int64(len(r.Log))})
}

func (r *recorder) discard(at, size int64) {
	r.Entries = append(r.Entries, writelog.Entry{Kind: writelog.Discard, At: at, Size: size, Head: int64(len(r.Log))})
}

// contents returns the first byte of each sector from an offset on, "b" for what is as before.
func contents(t *testing.T, m *Image, at int64, sectors int) (text string) {
	t.Helper()
	for n := range int64(sectors) {
		b := make([]byte, 1)
		if _, err := m.ReadAt(b, at+n*sector); err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text
}

func (r *recorder) all(t *testing.T, b Bounds, at int64, sectors int) (list []string, c Count) {
	t.Helper()
	c, err := r.Each(b, func(_ State, m *Image) error {
		list = append(list, contents(t, m, at, sectors))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, c
}

// TestStates: two sectors may come in any order, what follows a flush comes later, and a write of two sectors is torn.
func TestStates(t *testing.T) {
	r := newRecorder()
	r.write(0, 'x', sector)
	r.write(sector, 'y', sector)
	r.flush()
	r.flush()
	r.write(2*sector, 'z', 2*sector)
	got, c := r.all(t, Bounds{Subsets: 16}, 0, 4)
	if want := "[bbbb xbbb xybb bybb xyzz xyzb xybz]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if c.Epochs != 2 || c.Ops != 3 || c.Distinct != 7 {
		t.Errorf("%+v", c)
	}
}

// TestWriteThrough: on a medium without a cache nothing is reordered.
func TestWriteThrough(t *testing.T) {
	r := newRecorder()
	r.WriteThrough = true
	r.write(0, 'x', sector)
	r.write(sector, 'y', sector)
	if got, _ := r.all(t, Bounds{Subsets: 16}, 0, 2); fmt.Sprint(got) != "[bb xb xy]" {
		t.Errorf("%v", got)
	}
}

// TestEveryReachableDisk: for few writes, with overlaps, a discard and flushes, the states are exactly those that a cache
// which forgets any of its writes can leave, computed here in the plainest way.
func TestEveryReachableDisk(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for round := range 50 {
		r := newRecorder()
		want, done := map[string]bool{}, bytes.Repeat([]byte("b"), 10)
		for range 3 {
			var epoch [][2]int
			for n := range 1 + random.IntN(4) {
				at := random.IntN(10)
				r.write(int64(at)*sector, byte('0'+n), sector)
				epoch = append(epoch, [2]int{at, '0' + n})
			}
			if random.IntN(3) == 0 {
				r.discard(3*sector, sector)
				epoch = append(epoch, [2]int{3, 0})
			}
			r.flush()
			for set := range 1 << len(epoch) {
				now := bytes.Clone(done)
				for i, w := range epoch {
					if set>>i&1 == 1 {
						now[w[0]] = byte(w[1])
					}
				}
				want[string(now)] = true
			}
			for _, w := range epoch {
				done[w[0]] = byte(w[1])
			}
		}
		got, c := r.all(t, Bounds{Subsets: 64}, 0, 10)
		for _, text := range got {
			if !want[text] {
				t.Errorf("round %d: %q cannot be", round, text)
			}
			delete(want, text)
		}
		if len(want) > 0 || c.Distinct != len(got) {
			t.Fatalf("round %d: %d states are missing: %v", round, len(want), want)
		}
	}
}

// TestBounds: an epoch with more subsets than the bound has that many, the same with the same seed, and always each
// operation alone and each missing.
func TestBounds(t *testing.T) {
	r := newRecorder()
	for n := range int64(16) {
		r.write(n*sector, 'x', sector)
	}
	got, c := r.all(t, Bounds{Subsets: 100, Seed: 1}, 0, 16)
	again, _ := r.all(t, Bounds{Subsets: 100, Seed: 1}, 0, 16)
	other, _ := r.all(t, Bounds{Subsets: 100, Seed: 2}, 0, 16)
	if c.Distinct < 100 || c.Distinct > 117 || fmt.Sprint(got) != fmt.Sprint(again) || fmt.Sprint(got) == fmt.Sprint(other) {
		t.Errorf("%+v", c)
	}
	have := fmt.Sprint(got)
	for n := range 16 {
		alone, missing := bytes.Repeat([]byte("b"), 16), bytes.Repeat([]byte("x"), 16)
		alone[n], missing[n] = 'x', 'b'
		if !bytes.Contains([]byte(have), alone) || !bytes.Contains([]byte(have), missing) {
			t.Errorf("%s or %s is missing", alone, missing)
		}
	}
}

// TestParts: a partition that is whole or not gives two states however it is written, one that is ignored none, and what
// was whole without being written is so until it is.
func TestParts(t *testing.T) {
	r := newRecorder()
	want := append(bytes.Repeat([]byte("n"), 3*pageSize), bytes.Repeat([]byte("m"), 100)...)
	r.Parts = []Part{
		{Name: "old", At: 8 * pageSize, Size: 8 * pageSize, Kind: Whole},
		{Name: "new", At: 16 * pageSize, Size: 8 * pageSize, Kind: Whole, Want: bytes.NewReader(want), Len: int64(len(want))},
		{Name: "data", At: 32 * pageSize, Size: 8 * pageSize, Kind: Ignored},
	}
	for n := range int64(3) {
		r.write((16+n)*pageSize, 'n', pageSize)
		r.write((32+n)*pageSize, 'd', pageSize)
	}
	r.write(19*pageSize, 'm', sector) // the rest of the page is not in the wanted content, which ends in zeros
	r.discard(19*pageSize+sector, pageSize-sector)
	r.flush()
	r.write(0, 'x', sector)
	var told []string
	tell := func(_ State, m *Image) error {
		told = append(told, fmt.Sprintf("%s %t %t", contents(t, m, 0, 1), m.Whole("old"), m.Whole("new")))
		return nil
	}
	if _, err := r.Each(Bounds{Subsets: 64}, tell); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(told) != "[b true false x true false]" { // 100 bytes of m and then zeros: a sector of m is wrong
		t.Errorf("%q", told)
	}
	r.write(19*pageSize, 'm', sector)
	r.Log = append(r.Log[:len(r.Log)-sector], append(bytes.Repeat([]byte("m"), 100), make([]byte, sector-100)...)...)
	r.flush()
	r.write(9*pageSize, 'o', sector)
	told, r.made = nil, nil
	if _, err := r.Each(Bounds{Subsets: 64}, tell); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(told) != "[b true false x true false x true true b true true x false true]" {
		t.Errorf("%q", told)
	}
}

// TestVisit: a state that was given out is made again, with the pages that differ from the disk before.
func TestVisit(t *testing.T) {
	r := newRecorder()
	r.write(0, 'x', 4*sector)
	r.write(20*pageSize-sector, 'y', 2*sector)
	r.flush()
	r.write(sector, 'z', 9*pageSize)
	var states []State
	var want [][]byte
	whole := func(m *Image) []byte {
		b := make([]byte, disk)
		if _, err := m.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := r.Each(Bounds{Subsets: 16}, func(s State, m *Image) error {
		states, want = append(states, s), append(want, whole(m))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := r.Visit(states, func(_ State, m *Image) error {
		got := whole(r.fresh(t))
		if err := m.Differences(func(off int64, page []byte) error { copy(got[off:], page); return nil }); err != nil {
			return err
		}
		if !bytes.Equal(got, want[n]) || !bytes.Equal(whole(m), want[n]) {
			t.Errorf("%s is another disk", states[n])
		}
		n++
		return nil
	})
	if err != nil || n != len(want) || n < 10 {
		t.Errorf("%d of %d states, %v", n, len(want), err)
	}
	states[0], states[n-1] = states[n-1], states[0]
	if err := r.Visit(states, func(State, *Image) error { return nil }); err == nil {
		t.Error("states that are not in order were made")
	}
}

// fresh returns the disk before the run, of a run of its own.
func (r *recorder) fresh(t *testing.T) *Image {
	t.Helper()
	m, err := (&Run{Base: r.Base, Size: r.Size}).Before()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestErrors(t *testing.T) {
	for name, part := range map[string]Part{
		"not at a page":   {Name: "p", At: 100, Size: pageSize},
		"behind the disk": {Name: "p", At: disk, Size: pageSize},
		"wanted too much": {Name: "p", At: 0, Size: pageSize, Kind: Whole, Want: bytes.NewReader(nil), Len: 10},
	} {
		r := newRecorder()
		r.Parts = []Part{part}
		if _, err := r.Each(Bounds{}, func(State, *Image) error { return nil }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	r := newRecorder()
	r.write(0, 'x', sector)
	if _, err := r.Each(Bounds{}, func(State, *Image) error { return io.ErrNoProgress }); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v", err)
	}
	m := r.fresh(t)
	if n, err := m.ReadAt(make([]byte, 10), disk-5); n != 5 || err != io.EOF {
		t.Errorf("read %d bytes behind the end, %v", n, err)
	}
	if m.Same(100, 50) != m.Same(100, 50) || m.Same(100, 50) == m.Same(101, 50) {
		t.Error("ranges are the same or not")
	}
}
