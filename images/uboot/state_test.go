package uboot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

// The format must stay readable: devices in the field have these bytes.
func TestEncodeGolden(t *testing.T) {
	b := Encode(bootstate.State{Seq: 2, Good: layout.A, Try: layout.B, Left: 3})
	want := "70726f612d73746174652d3100000000" + "3200610062003300"
	if got := fmt.Sprintf("%x", b[:24]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if rest := b[24:crcAt]; !bytes.Equal(rest, make([]byte, len(rest))) {
		t.Errorf("behind the values: % x", rest)
	}
	if got, want := fmt.Sprintf("%x", b[crcAt:]), "eeabcad4"; got != want {
		t.Errorf("checksum %s, want %s", got, want)
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	for _, s := range statetest.States() {
		b := Encode(s)
		if got, err := Decode(b); err != nil || got != s || len(b) != Size {
			t.Errorf("%v: %v, %v, %d bytes", s, got, err, len(b))
		}
	}
}

// wrong returns sectors that have a valid checksum and an invalid state.
func wrong() (list [][]byte) {
	for at, values := range map[int]string{0: "P\x00", 11: "2", 12: "0", seqAt: "/3\x00", goodAt: "c\x00 `", tryAt: "c.\x00", leftAt: "4/\x00",
		seqAt + 1: "0", goodAt + 1: "a", tryAt + 1: "b", leftAt + 1: "0"} {
		for _, v := range values {
			b := Encode(bootstate.State{Seq: 1, Good: layout.A, Try: layout.B, Left: 2})
			b[at] = byte(v)
			list = append(list, sum(b))
		}
	}
	return append(list, sum(make([]byte, Size)), sum(statetest.Junk(Size)))
}

func sum(b []byte) []byte {
	binary.BigEndian.PutUint32(b[crcAt:], crc32.ChecksumIEEE(b[:crcAt]))
	return b
}

func TestDecodeRefuses(t *testing.T) {
	good := Encode(bootstate.State{Seq: 1, Good: layout.A, Try: layout.B, Left: 2})
	list := append(wrong(), nil, good[:Size-1], append(bytes.Clone(good), 0), make([]byte, Size), bytes.Repeat([]byte{0xff}, Size))
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		list = append(list, b)
	}
	for _, b := range list {
		if s, err := Decode(b); err == nil {
			t.Errorf("%.24q read as %v", b, s)
		}
	}
}

func TestFresh(t *testing.T) {
	b := Fresh(layout.B)
	s, next, err := Encoding().Choose(b[:Size], b[Offset(1):])
	if s != bootstate.First(layout.B) || next != 1 || err != nil || len(b) > layout.MiB {
		t.Errorf("%v, next %d, %v", s, next, err)
	}
	if s, _, err := Encoding().Choose(nil, b[Offset(1):]); s.Try != layout.B || err != nil {
		t.Errorf("with the second copy alone: %v, %v", s, err)
	}
}

func TestCrash(t *testing.T) { statetest.Crash(t, Encoding(), 2) }
