package cmdline

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
)

const hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestParse(t *testing.T) {
	l, err := Parse("quiet proa.mode=disk proa.slot=b proa.roothash=" + hash + " proa.rootsize=8192 proa.board=pc proa.fallback=a:3\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Line{Mode: "disk", Slot: "b", Root: verity.Root{Hash: hash, Size: 8192}, Board: "pc", Fallback: Fallback{"a", 3}, Raw: l.Raw}
	if l != want {
		t.Errorf("%+v", l)
	}
	words := "proa.mode=disk proa.board=pc proa.roothash=" + hash + " proa.rootsize=8192 proa.slot=b proa.fallback=a:3"
	if got := strings.Join(l.Words(), " "); got != words {
		t.Errorf("written again: %s", got)
	}
	if again, err := Parse(words); err != nil || again.Root != want.Root || again.Slot != want.Slot || again.Fallback != want.Fallback {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if _, err := Parse("proa.mode=live proa.medium=PROA proa.rootsize=4096 proa.roothash=" + hash); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	base := "proa.mode=disk proa.slot=a proa.rootsize=4096 proa.roothash=" + hash
	for _, c := range []struct{ from, to, want string }{
		{"mode=disk", "mode=disc", "proa.mode"},
		{"slot=a", "slot=c", "proa.slot"},
		{"rootsize=4096", "rootsize=4097", "proa.rootsize"},
		{"rootsize=4096", "rootsize=-4096", "proa.rootsize"},
		{hash, hash[1:], "proa.roothash"},
		{hash, strings.Repeat("x", 64), "proa.roothash"},
		{"mode=disk", "mode=live", "proa.medium"},
	} {
		if _, err := Parse(strings.Replace(base, c.from, c.to, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v", c.to, c.from, err)
		}
	}
}

// TestNoSuchSlot: a slot that does not exist is none, also for who goes on in spite of the error.
func TestNoSuchSlot(t *testing.T) {
	l, err := Parse("proa.mode=disk proa.slot=c proa.rootsize=4096 proa.roothash=" + hash)
	if err == nil || !strings.Contains(err.Error(), `proa.slot="c"`) || l.Slot != layout.Shared {
		t.Errorf("slot %q, %v", l.Slot, err)
	}
}

// TestFallback: a value that no boot script writes is none, and no reason to refuse the command line.
func TestFallback(t *testing.T) {
	for text, want := range map[string]Fallback{"b:0": {layout.B, 0}, "a:3": {layout.A, 3}, "": {}, "b": {}, "c:1": {}, "b:-1": {}, "b:x": {}} {
		l, err := Parse("proa.mode=disk proa.slot=a proa.rootsize=4096 proa.roothash=" + hash + " proa.fallback=" + text)
		if err != nil || l.Fallback != want {
			t.Errorf("%q: %+v, %v", text, l.Fallback, err)
		}
		if want.Slot != layout.Shared && want.Word() != "proa.fallback="+text {
			t.Errorf("%q: written again: %s", text, want.Word())
		}
	}
}

// TestWords: words of one slot are told from those that both have, and from the kernel's own.
func TestWords(t *testing.T) {
	shared := "quiet console=ttyS0 proa.mode=disk"
	one := OfSlot(shared, layout.B)
	if one != shared+" proa.slot=b" || NamesSlot(shared) || !NamesSlot(one) || strings.Join(Others(one), " ") != "quiet console=ttyS0" {
		t.Errorf("%q, others %q", one, Others(one))
	}
	for word, want := range map[string]bool{"proa.slot=a": true, "proa.roothash=00": true, "proa.rootsize=1": true, "proa.board=pc": false, "quiet": false} {
		if OfRoot(word) != want {
			t.Errorf("%q: of a root %t", word, !want)
		}
	}
	for word, want := range map[string]bool{"proa.slot=a": true, "proa.mode=live": true, "proa.x": true, "quiet": false, "proa.fallback=a:3": false, NoWatchdog: false, "proa.watchdog=on": true} {
		if Describes(word) != want {
			t.Errorf("%q: describes %t", word, !want)
		}
	}
	for line, want := range map[string]bool{"quiet proa.mode=live": true, one: false, "": false, "proa.mode=livery": false} {
		if IsLive(line) != want {
			t.Errorf("%q: live %t", line, !want)
		}
	}
}
