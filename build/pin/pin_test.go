package pin

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sum = strings.Repeat("0a", 32)

func TestWriteAndParse(t *testing.T) {
	want := Lock{
		Date: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Sets: map[string][]Package{
			"root/amd64": {{"crun", "1.21-1", "amd64", 123, sum, "pool/main/c/crun.deb"}, {"nftables", "1:1.1.3-1", "amd64", 4, sum, "pool/n.deb"}},
			"boot/amd64": {{"isolinux", "3:6.04+dfsg1-3", "all", 5, sum, "pool/i.deb"}},
		},
	}
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !strings.Contains(b.String(), "\nset boot/amd64\nisolinux 3:6.04+dfsg1-3 all 5 "+sum+" pool/i.deb\n\nset root/amd64\n") {
		t.Errorf("not the format people diff:\n%s", b.String())
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "no date",
		"date 2026-13-01":       "line 1",
		"date 2026-11-23\nwhat": "line 2: neither",
		"date 2026-11-23\na 1 all 1 " + sum + " pool/a":                  "neither", // before any set
		"date 2026-11-23\nset x\na 1 all 0 " + sum + " pool/a":           "line 3: a: size",
		"date 2026-11-23\nset x\na 1 all 9 " + sum[:63] + " pool/a":      "sha256",
		"date 2026-11-23\nset x\na 1 all 9 " + sum[1:] + "Z" + " pool/a": "sha256",
		"date 2026-11-23\nset x\na 1 all 9 " + sum + " pool/../../a":     "no place",
		"date 2026-11-23\nset x\na 1 all 9 " + sum + " /a":               "no place",
		"date 2026-11-23\nset x\nset x":                                  "duplicate set",
	} {
		if _, err := Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestUnknownSetSaysWhatToDo(t *testing.T) {
	if _, err := (Lock{}).Set("root/arm64"); err == nil || !strings.Contains(err.Error(), "proa lock") {
		t.Errorf("error %v, want the command to run", err)
	}
}
