package blackbox

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

func failed(try int, step, err string) Record {
	return Record{Slot: layout.B, Try: try, State: Failed, After: 61200 * time.Millisecond, Root: "0123456789abcdef", Step: step, Error: err}
}

// TestSector fixes the format: a device must read what an older release has written.
func TestSector(t *testing.T) {
	r := failed(2, "stage2 network", "no interface has an address")
	r.Seq = 7
	b := Encode(r)
	want := "proa-blackbox-1\nseq=7\nslot=b\ntry=2\nstate=failed\nms=61200\nroot=0123456789abcdef\nstep=stage2 network\nerror=no interface has an address\n"
	if got := strings.TrimRight(string(b[:crcAt]), "\x00"); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if !bytes.Equal(b[crcAt:], []byte{0x0d, 0x78, 0x51, 0x30}) {
		t.Errorf("checksum %x", b[crcAt:])
	}
	if got, err := Decode(b); err != nil || !cmp.Equal(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAnyErrorFits: an error may have any length and contain any bytes.
func TestAnyErrorFits(t *testing.T) {
	for name, text := range map[string]string{
		"long": strings.Repeat("x", 4000), "letters of two bytes": strings.Repeat("é", 400), "lines": "panic: boom\n\ngoroutine 1\n\tmain.go:7",
		"a line of ours": "x\nseq=9\n", "NUL": "a\x00b", "no UTF-8": "\xff\xfe", "escape": "\x1b[2J", "empty": "",
	} {
		for _, step := range []string{"health: node Ready", strings.Repeat("é", 100), ""} {
			b := Encode(failed(1, step, text))
			r, err := Decode(b)
			if err != nil || len(b) != layout.Sector || !utf8.ValidString(r.Error) || strings.ContainsAny(r.Error, "\n\x00\x1b") {
				t.Errorf("%s: %d bytes, %q, %v", name, len(b), r.Error, err)
			}
			if name == "long" && len(r.Error) < 250 {
				t.Errorf("of 4000 letters %d are left", len(r.Error))
			}
		}
	}
}

// TestConsole: the newest lines of the console stand behind the error, as many as fit; the oldest go first.
func TestConsole(t *testing.T) {
	r := failed(2, "stage2 network", "no link")
	r.Seq, r.Console = 7, []string{"[ 1.0] oldest", "", "[ 2.0] a␤b\x1b[1m\n", "[ 3.0] newest"}
	text := Encode(r)
	if !bytes.Contains(text, []byte("\nerror=no link␤[ 1.0] oldest␤[ 2.0] a b [1m␤[ 3.0] newest\n\x00")) {
		t.Errorf("%s", text)
	}
	got, err := Decode(text)
	if want := []string{"[ 1.0] oldest", "[ 2.0] a b [1m", "[ 3.0] newest"}; err != nil || got.Error != "no link" || !cmp.Equal(want, got.Console) {
		t.Errorf("%+v, %v", got, err)
	}
	for length := 0; length < 300; length += 7 {
		for n := range 12 {
			var lines []string
			for i := range n {
				lines = append(lines, strings.Repeat("é", length/2)+strings.Repeat("x", length%7)+" "+string(rune('a'+i)))
			}
			r := failed(1, "stage2 network", strings.Repeat("e", 3*length))
			r.Console = lines
			got, err := Decode(Encode(r))
			if err != nil || len(got.Error) < min(3*length, 250) {
				t.Fatalf("%d lines of %d: %v, %d", n, length, err, len(got.Error))
			}
			if k := len(got.Console); n > 0 && length < 50 && length > 30 && (k == 0 || !strings.HasSuffix(got.Console[k-1], string(rune('a'+n-1)))) {
				t.Fatalf("%d lines of %d: %q", n, length, got.Console)
			}
		}
	}
}

// TestForeignSectors: Decode refuses what Encode does not write, even with a valid checksum.
func TestForeignSectors(t *testing.T) {
	for name, b := range map[string][]byte{"nothing": nil, "zeros": make([]byte, layout.Sector), "short": Encode(failed(1, "x", ""))[:511], "junk": statetest.Junk(layout.Sector)} {
		if r, err := Decode(b); err == nil {
			t.Errorf("%s reads as %+v", name, r)
		}
	}
	for name, r := range map[string]Record{
		"no slot": {Try: 1, State: Failed}, "slot c": {Slot: "c", Try: 1, State: Failed}, "try 0": {Slot: "a", State: Started},
		"try 4": {Slot: "a", Try: 4, State: Started}, "no state": {Slot: "a", Try: 1}, "odd state": {Slot: "a", Try: 1, State: "fine"},
		"negative": {Slot: "a", Try: -1, State: Good},
	} {
		if got, err := Decode(Encode(r)); err == nil {
			t.Errorf("%s reads as %+v", name, got)
		}
	}
}

// TestOneFlippedBit: Decode detects every flipped bit.
func TestOneFlippedBit(t *testing.T) {
	b := Encode(failed(3, "stage1 map-verity", "io"))
	for i := range len(b) * 8 {
		b[i/8] ^= 1 << (i % 8)
		if r, err := Decode(b); err == nil {
			t.Fatalf("bit %d flipped: %+v", i, r)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}
