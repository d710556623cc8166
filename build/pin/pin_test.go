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
		"date 2026-11-23\nset x\nset x":                                  "twice",
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

func TestKernelKeepsOnlyImages(t *testing.T) {
	s := Kernel("amd64", "linux-image-amd64", "")
	for name, want := range map[string]bool{"linux-image-amd64": true, "linux-image-6.12.1-amd64": true, "systemd": false, "linux-base": false,
		"linux-binary-7.3.4+deb13-amd64": true, "linux-modules-7.3.4+deb13-amd64": true, "linux-base-7.3.4+deb13-amd64": true, "linux-base-amd64": false} {
		if s.Keeps(name) != want {
			t.Errorf("Keeps(%q) = %v", name, !want)
		}
	}
	if !Root("amd64").Keeps("libc6") {
		t.Error("the root set dropped a library")
	}
}

func TestFollowersAreOfTheKernelThatWasResolved(t *testing.T) {
	k := Kernel("arm64", "linux-image-arm64", "trixie-backports")
	resolved := []Package{{Name: "linux-image-arm64"}, {Name: "linux-binary-7.3.4+deb13-arm64"}, {Name: "linux-image-7.3.4+deb13-arm64"}}
	for _, c := range []struct {
		set  Set
		want string
	}{
		{Headers(k), "linux-headers-7.3.4+deb13-arm64"},
		{Kbuild("amd64", k), "linux-kbuild-7.3.4+deb13"},
		{k, "linux-image-arm64"},
	} {
		got, err := c.set.Of(resolved)
		if err != nil || len(got.Packages) != 1 || got.Packages[0] != c.want || got.ID() != c.set.ID() || c.set.Leader() != k.ID() {
			t.Errorf("%s: %v, %v; want %s", c.set.ID(), got.Packages, err, c.want)
		}
	}
	if _, err := Headers(k).Of(resolved[:2]); err == nil || !strings.Contains(err.Error(), "no kernel in set "+k.ID()) {
		t.Errorf("no kernel: %v", err)
	}
}
