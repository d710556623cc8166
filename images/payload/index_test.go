package payload

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/golden"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// example is an index with everything that one may have.
func example() *Index {
	sum := func(b byte) (s Sum) { s[0], s[31] = b, b; return s }
	return &Index{Manifest: sum(1), Signatures: []byte("{}"), Verity: Verity{Salt: []byte("salt"), UUID: make([]byte, 16)},
		Files: []File{
			{"boot/empty", Raw, nil},
			{"boot/initrd", "zstd-1", []Region{{Content: 1500, Stored: 700}}},
			{"boot/vmlinuz", Raw, []Region{{Content: MaxPiece + 10, Stored: MaxPiece + 10}}},
			{"boot/zz", Raw, []Region{{Content: 20, Stored: 20}}},
			{"boot-a/x", Raw, []Region{{Content: 5, Stored: 5}}},
			{"boot-b/x", Raw, []Region{{Content: 5, Stored: 5}}},
			{"root.img", "erofs-zstd-1", []Region{{"", 4096, 4096, sum(9)}, {"bin/a", 6000, 4096, sum(8)}, {"bin/k", MaxPiece, MaxPiece / 2, sum(7)}}},
		},
		Pieces: []Piece{
			{Op: OpFull, Size: 1500, Sum: sum(2), Length: 700, FrameSum: sum(3)},
			{Op: OpCopy, Size: MaxPiece, Sum: sum(2), From: []Ref{{"boot/vmlinuz", "", 0, MaxPiece}}},
			{Op: OpFull, Size: 10, Sum: sum(2), Length: 30, FrameSum: sum(3)},
			{Op: OpCopy, Size: 20, Sum: sum(2), From: []Ref{{"boot/zz", "", 0, 15}, {"boot/z", "", 3, 5}}},
			{Op: OpFull, Size: 5, Sum: sum(2), Length: 18, FrameSum: sum(3)},
			{Op: OpFull, Size: 5, Sum: sum(2), Length: 18, FrameSum: sum(3)},
			{Op: OpPatch, Size: 10096, Sum: sum(2), From: []Ref{{"root.img", "bin/a", 0, 7000}}, Stored: 8192, Made: sum(4), Length: 90, FrameSum: sum(3)},
			{Op: OpPatch, Size: MaxPiece, Sum: sum(2), From: []Ref{{"root.img", "bin/k", 0, 9 << 20}}, Stored: MaxPiece / 2, Made: sum(5), Length: 90, FrameSum: sum(3)},
		}}
}

// TestIndex: it is read as it was written, with the place of each frame; its text is frozen.
func TestIndex(t *testing.T) {
	x := example()
	b, err := x.Encode()
	must(t, err)
	got, err := ParseIndex(b)
	must(t, err)
	at := int64(len(b))
	x.Length = at
	for i := range x.Pieces {
		x.Pieces[i].Frame = Range{at, x.Pieces[i].Length}
		at += x.Pieces[i].Length
	}
	if d := cmp.Diff(x, got); d != "" || got.Fetched() != at {
		t.Error(d, got.Fetched(), at)
	}
	text, err := json.MarshalIndent(x, "", " ")
	must(t, err)
	golden.Check(t, "index", string(text)+"\n")
	golden.Check(t, "usage", fmt.Sprintln(x.ByOp())+fmt.Sprintln(x.ByFile()))
}

// TestParseRefuses: each number is checked.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Index)
	}{
		{"no UUID", func(x *Index) { x.Verity.UUID = nil }},
		{"salt", func(x *Index) { x.Verity.Salt = make([]byte, 257) }},
		{"signatures", func(x *Index) { x.Signatures = make([]byte, maxSignatures+1) }},
		{"a region without content", func(x *Index) { x.Files[1].Regions[0].Content = 0 }},
		{"a region that is too large", func(x *Index) { x.Files[1].Regions[0].Content = maxBytes + 1 }},
		{"a region that is stored nowhere", func(x *Index) { x.Files[1].Regions[0].Stored = -1 }},
		{"many pieces by one region", func(x *Index) { x.Files[1].Regions[0].Content = maxBytes }},
		{"a piece missing", func(x *Index) { x.Pieces = x.Pieces[1:] }},
		{"a piece too many", func(x *Index) { x.Pieces = append(x.Pieces, x.Pieces[0]) }},
		{"another size", func(x *Index) { x.Pieces[0].Size++ }},
		{"no sum", func(x *Index) { x.Pieces[0].Sum = Sum{} }},
		{"no such operation", func(x *Index) { x.Pieces[0].Op = "move" }},
		{"full without a frame", func(x *Index) { x.Pieces[0].Length = 0 }},
		{"full without a sum", func(x *Index) { x.Pieces[0].FrameSum = Sum{} }},
		{"a frame that is too large", func(x *Index) { x.Pieces[0].Length = MaxFrame + 1 }},
		{"a frame of less than nothing", func(x *Index) { x.Pieces[0].Length = -1 }},
		{"full from something", func(x *Index) { x.Pieces[0].From = x.Pieces[1].From }},
		{"copy with a frame", func(x *Index) { x.Pieces[1].Length = 5 }},
		{"copy of less", func(x *Index) { x.Pieces[1].From[0].Length-- }},
		{"copy from before", func(x *Index) { x.Pieces[1].From[0].Offset = -1 }},
		{"copy of nothing", func(x *Index) { x.Pieces[3].From = append(x.Pieces[3].From, Ref{File: "boot/zz"}) }},
		{"copy from nowhere", func(x *Index) { x.Pieces[1].From[0].File = "" }},
		{"too much old content", func(x *Index) { x.Pieces[7].From[0].Length = 1<<31 + 1 }},
		{"too much old content together", func(x *Index) { x.Pieces[7].From = []Ref{{"a", "", 0, 1 << 31}, {"a", "", 0, 1}} }},
		{"made of nothing", func(x *Index) { x.Pieces[7].Made = Sum{} }},
		{"made into nothing", func(x *Index) { x.Pieces[7].Stored = 0 }},
		{"made into too much", func(x *Index) { x.Pieces[7].Stored = maxStored + 1 }},
	} {
		x := example()
		c.change(x)
		b, err := x.Encode()
		must(t, err)
		if _, err := ParseIndex(b); err == nil || !strings.HasPrefix(err.Error(), "parse index: ") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestReadRefuses: what is no index, or is too large, is refused before it is decoded.
func TestReadRefuses(t *testing.T) {
	b, err := example().Encode()
	must(t, err)
	patched := func(at int, v uint32) []byte {
		b := bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	wrap := func(text string) []byte {
		z, err := zipper()
		must(t, err)
		b := z.EncodeAll([]byte(text), bytes.Clone(b[:header]))
		binary.LittleEndian.PutUint32(b[len(magic)+4:], uint32(len(b)-header))
		return b
	}
	for name, bad := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":      {nil, "EOF"},
		"magic":      {patched(0, 7), "not a payload file"},
		"format":     {patched(len(magic), 2), "format 2, this proa reads format 1"},
		"too long":   {patched(len(magic)+4, MaxIndex), "at most"},
		"cut off":    {b[:len(b)-1], "EOF"},
		"longer":     {append(bytes.Clone(b), 0), "data after its end"},
		"no zstd":    {patched(header, 0), "parse index"},
		"bomb":       {wrap(strings.Repeat(" ", maxText+1)), "at most"},
		"unknown":    {wrap(`{"more":1}`), "unknown field"},
		"two values": {wrap(`{} {}`), "data after its end"},
		"no JSON":    {wrap(`{`), "EOF"},
		"short sum":  {wrap(`{"manifest":"00"}`), "sha256"},
	} {
		if _, err := ParseIndex(bad.b); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCut: regions are joined and cut as the format says.
func TestCut(t *testing.T) {
	regions := func(sizes ...int64) (list []Region) {
		for _, n := range sizes {
			list = append(list, Region{Content: n, Stored: n})
		}
		return list
	}
	files := []File{
		{"boot/a", Raw, regions(MaxPiece - 5)}, {"boot/b", Raw, regions(5)}, {"boot/c", Raw, regions(1)}, {"boot/d", Raw, nil},
		{"boot/e", "other", regions(1)}, {"boot/f", Raw, regions(1)}, {"boot-a/x", Raw, regions(1)}, {"boot-b/x", Raw, regions(1)},
		{"root.img", Raw, regions(1, 2*MaxPiece, 1, 1, MaxPiece+1, MaxPiece, 1)},
	}
	got, err := Cut(files, 100)
	want := []Place{{0, 0, 0, MaxPiece}, {2, 0, 0, 1}, {4, 0, 0, 1}, {5, 0, 0, 1}, {6, 0, 0, 1}, {7, 0, 0, 1}, {8, 0, 0, 1},
		{8, 1, 0, MaxPiece}, {8, 1, MaxPiece, MaxPiece}, {8, 2, 0, 2}, {8, 4, 0, MaxPiece}, {8, 4, MaxPiece, 1}, {8, 5, 0, MaxPiece}, {8, 6, 0, 1}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := Cut(files, len(want)-1); err == nil {
		t.Error("more pieces than there may be")
	}
}

// nothing has neither frames nor old contents.
type nothing struct{}

func (nothing) ReadFrame(context.Context, Range, Sum, []byte) error { return errors.New("nothing") }

// FuzzIndex: no text makes the parser panic, and what it accepts it writes again so that it is the same.
func FuzzIndex(f *testing.F) {
	text, err := json.Marshal(example())
	must(f, err)
	f.Add(text)
	f.Add([]byte(`{"verity":{"salt":"","uuid":"AAAAAAAAAAAAAAAAAAAAAA=="},"files":[],"pieces":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		frame, err := Zip(text)
		must(t, err)
		b := append([]byte(magic), 1, 0, 0, 0)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(frame))), frame...)
		x, err := ParseIndex(b)
		if err != nil {
			return
		}
		if again, err := x.Encode(); err == nil {
			y, err := ParseIndex(again)
			must(t, err)
			if y.Fetched()-y.Length != x.Fetched()-x.Length || len(x.ByFile()) != len(y.ByFile()) {
				t.Error("not the same when it is written again")
			}
		}
		if a, err := NewAssembler(Options{Index: x, Frames: nothing{}}); err == nil {
			t.Error("accepted without its manifest", a)
		}
	})
}

// FuzzRead: no bytes make the reader panic.
func FuzzRead(f *testing.F) {
	b, err := example().Encode()
	must(f, err)
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := ParseIndex(b); err == nil && x.Length != int64(len(b)) {
			t.Error("not all of it was read")
		}
	})
}
