package cmdline

import (
	"strings"
	"testing"
)

const hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestParse(t *testing.T) {
	l, err := Parse("quiet proa.mode=disk proa.slot=b proa.roothash=" + hash + " proa.rootsize=8192 proa.board=pc proa.fallback=a:3\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Line{Mode: "disk", Slot: "b", RootHash: hash, RootSize: 8192, Board: "pc", Fallback: "a:3", Raw: l.Raw}
	if l != want {
		t.Errorf("%+v", l)
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
