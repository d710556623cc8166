package grubenv

import (
	"bytes"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
)

func TestEncodeIsWhatGRUBWrites(t *testing.T) {
	want := "# GRUB Environment Block\nseq=0\ngood=-\ntry=a\nleft=3\ncheck=0-a3\n"
	got := Encode(bootstate.First(layout.A))
	if string(got[:len(want)]) != want || len(got) != Size || strings.Trim(string(got[len(want):]), "#") != "" {
		t.Errorf("%q", got)
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	for _, s := range statetest.States() {
		b := Encode(s)
		if got, err := Decode(b); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
		if !bytes.Equal(b[Sector:], bytes.Repeat([]byte("#"), Size-Sector)) {
			t.Errorf("%v: something stands behind the first sector", s)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(Encode(bootstate.State{Seq: 1, Good: layout.A, Try: layout.B, Left: 2}))
	for _, bad := range []string{
		"", strings.Repeat("\x00", Size), strings.Repeat("\xff", Size), "x" + good[1:],
		strings.Replace(good, "left=2", "left=3", 1), strings.Replace(good, "check=1ab2", "check=1ab3", 1),
		strings.Replace(good, "try=b\n", "try=\n", 1),
		strings.NewReplacer("left=2", "left=7", "1ab2", "1ab7").Replace(good),
		strings.NewReplacer("seq=1", "seq=3", "1ab2", "3ab2").Replace(good),
	} {
		if s, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.60q read as %v", bad, s)
		}
	}
}

// One torn write at most: if a second torn write hits a sector that the first one tore, the result can be a valid state
// that nobody wrote, because GRUB has no checksums.
func TestCrash(t *testing.T) { statetest.Crash(t, Encoding(), 1) }
