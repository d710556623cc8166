package rootfiles

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/testfiles"
	"github.com/proa-os/proa/config/rule"
)

func TestCertificatesInOrder(t *testing.T) {
	dir := testfiles.Write(t, map[string]string{"b.crt": "B\n\n", "a.crt": "A", "readme": "no"})
	got, err := certificates(dir)
	if err != nil || string(got) != "A\nB\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := certificates(t.TempDir()); err == nil {
		t.Error("an image without CA certificates was accepted")
	}
}

// radios are the packages of a board whose Wi-Fi firmware has its settings behind a link.
var radios = map[string]string{
	"usr/lib/firmware/brcm/chip.bin": "firmware", "usr/lib/firmware/brcm/chip.board.txt": "settings", "usr/lib/firmware/brcm/chip.other.txt": "others",
	"usr/lib/firmware/regulatory.db-debian": "db", "usr/lib/firmware/regulatory.db-upstream": "no", "usr/lib/firmware/regulatory.db.p7s-debian": "signature",
	"usr/sbin/wpa_supplicant": "program",
}

func TestRadio(t *testing.T) {
	files := map[string]string{caDir + "/a.crt": "A", zoneDir + "/right/UTC": "TZif", zoneDir + "/zone.tab": "no zone"}
	for _, z := range rule.Zones() {
		files[zoneDir+"/"+z] = "TZif2"
	}
	for _, p := range programs {
		files[p] = p
	}
	entries := func(b boards.Board) map[string]bool {
		t.Helper()
		list, err := Entries(testfiles.Write(t, files), b)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, e := range list {
			have[e.Path] = true
		}
		return have
	}
	without := entries(boards.Board{})
	if !without[zoneDir+"/Europe/Berlin"] || without[zoneDir+"/right/UTC"] || without[zoneDir+"/zone.tab"] {
		t.Error("of the time zones, the files are others")
	}
	for name, text := range radios {
		files[name] = text
	}
	if d := cmp.Diff(without, entries(boards.Board{})); d != "" {
		t.Errorf("a board without a radio takes of its packages: %s", d)
	}
	b := boards.Board{WiFi: boards.WiFi{Packages: []string{"firmware-x"}, Firmware: []string{"brcm/chip.bin", "brcm/*.board.txt"}}}
	with := entries(b)
	for p := range without {
		delete(with, p)
	}
	for p := range with {
		if _, there := files[Origin(p)]; !there {
			t.Errorf("%s is of no package", p)
		}
	}
	want := map[string]bool{"usr/sbin/wpa_supplicant": true, "usr/lib/firmware/regulatory.db": true, "usr/lib/firmware/regulatory.db.p7s": true,
		"usr/lib/firmware/brcm/chip.bin": true, "usr/lib/firmware/brcm/chip.board.txt": true}
	if d := cmp.Diff(want, with); d != "" {
		t.Error(d)
	}
	b.WiFi.Firmware = []string{"brcm/none*"}
	if _, err := Entries(testfiles.Write(t, files), b); err == nil {
		t.Error("firmware that is in no package was left out")
	}
}
