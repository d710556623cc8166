package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

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
