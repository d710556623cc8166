package powercut

import (
	"bytes"
	"fmt"
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

// TestWriteThrough: on a medium without a cache nothing is reordered; the writes of a root are one, and the log stays as it is.
func TestWriteThrough(t *testing.T) {
	r := newRecorder()
	r.WriteThrough = true
	r.write(0, 'x', sector)
	r.write(sector, 'y', sector)
	if got, _ := r.all(t, Bounds{Subsets: 16}, 0, 2); fmt.Sprint(got) != "[bb xb xy]" {
		t.Errorf("%v", got)
	}
	want := append(bytes.Repeat([]byte("v"), sector), bytes.Repeat([]byte("w"), 2*pageSize-sector)...)
	r.Parts = []Part{{Name: "root", At: 8 * pageSize, Size: 8 * pageSize, Kind: Whole, Want: bytes.NewReader(want), Len: int64(len(want))}}
	r.write(8*pageSize, 'v', sector)
	for n := int64(1); n < 2*pageSize/sector; n++ {
		r.write(8*pageSize+n*sector, 'w', sector)
	}
	log, wholes := bytes.Clone(r.Log), ""
	r.made = nil
	c, err := r.Each(Bounds{Subsets: 16}, func(_ State, m *Image) error {
		wholes += fmt.Sprintf(" %t", m.Whole("root"))
		return nil
	})
	if err != nil || c.Ops != 3 || wholes != " false false false true" || !bytes.Equal(r.Log, log) {
		t.Errorf("%+v, %v, %s, the log has changed: %t", c, err, wholes, !bytes.Equal(r.Log, log))
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
