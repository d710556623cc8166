package e2e

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// TestUpgrade: a machine upgrades itself from a release on a plain HTTP server, by a patch from what it runs, and is good;
// what it gives up afterwards it does not take again by itself. PROA_UPGRADE selects chains; all of a PC by default.
func TestUpgrade(t *testing.T) {
	needs(t, "upgrade")
	for name, o := range map[string]options{
		"pc-grub":         {kind: "img", firmware: qemu.BIOS},
		"pc-systemd-boot": {kind: "img", firmware: qemu.UEFI},
		"arm64-uefi":      {board: "arm64-uefi", kind: "img", firmware: qemu.UEFI},
		"arm64-virt":      {board: "arm64-virt", kind: "img"},
		"armv7-virt":      {board: "armv7-virt", kind: "img"},
		"rpi3":            {board: "rpi3", kind: "img.zst"},
	} {
		if only := os.Getenv("PROA_UPGRADE"); only != "" && !strings.Contains(only, name) || only == "" && !strings.HasPrefix(name, "pc-") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			o.cpus, o.medium, o.config = 1, qemu.Disk, gateConfig
			upgrades(t, start(t, o), o)
		})
	}
}

func upgrades(t *testing.T, m *machine, o options) {
	old := realSlot(t, o)
	next := newer(t, old)
	for _, s := range []*slotimage.Slot{&old, &next} {
		s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)
	}
	site := m.served(released(t, m.spec.Dir, old, next))
	m.untilGood(m.bootBudget())
	if out := m.run("proa upgrade check "+site, nil); !strings.Contains(out, next.Version+" can replace "+old.Version) || !strings.Contains(out, "patch") {
		t.Fatalf("proa upgrade check: %s", out)
	}
	mark := m.Mark()
	began := time.Now()
	m.node.Run(t.Context(), "proa upgrade apply "+site, nil) // the connection ends with the machine
	t.Logf("written and restarted after %.0f s", time.Since(began).Seconds())
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	if out := m.run("proa upgrade log; proa upgrade check "+site, nil); !strings.Contains(out, "succeeded") || !strings.Contains(out, next.Version+" runs already") {
		t.Errorf("after the upgrade: %s", out)
	} else {
		t.Logf("%s", out)
	}
	mark = m.Mark()
	m.node.Run(t.Context(), "proa slot rollback --reboot", nil)
	m.expectAfter(mark, "proa: up slot=a mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	if out := m.run("proa upgrade log; proa upgrade check "+site, nil); !strings.Contains(out, next.Version+" was given up") {
		t.Errorf("after the rollback: %s", out)
	}
	m.off()
}

// newer is a slot with another version, which has as many letters, and a root that differs in os-release: that is in the raw
// part of the image. release.json is not, so the new slot calls itself by the old version.
func newer(t *testing.T, s slotimage.Slot) slotimage.Slot {
	t.Helper()
	return renamed(t, s, "next")
}

// renamed is newer with these four letters at the end of its version.
func renamed(t *testing.T, s slotimage.Slot, end string) slotimage.Slot {
	t.Helper()
	root, err := s.Image.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	version := s.Version[:len(s.Version)-4] + end
	image := bytes.ReplaceAll(root[:s.Root.Size], []byte(s.Version), []byte(version))
	tail := bytes.NewBuffer(image)
	hash, err := verity.Write(tail, bytes.NewReader(image), s.Root.Size, nil, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s.Version, s.Image, s.Root.Hash = version, tree.Bytes(tail.Bytes()), hex.EncodeToString(hash)
	return s
}

// released makes a release of two slots, with a patch from the first to the second.
func released(t *testing.T, dir string, slots ...slotimage.Slot) (site string) {
	t.Helper()
	site = filepath.Join(dir, "site")
	ring := ring(t)
	for _, s := range slots {
		file := filepath.Join(dir, "release.slot")
		if err := files.Create(file, func(f *os.File) error { return s.Write(f, nil) }); err != nil {
			t.Fatal(err)
		}
		made, err := releasing.Run(t.Context(), releasing.Options{Out: site, Ring: ring, Now: time.Now(), Show: silent{}}, []string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			t.Log(m)
		}
	}
	return site
}

// silent shows no progress.
type silent struct{}

func (silent) Start(string, []string)            {}
func (silent) Progress(string, int64, int64)     {}
func (silent) Done(string, time.Duration, error) {}

// served serves a directory to the guest, and returns its URL there: QEMU's user network has the host's loopback at this
// address.
func (m *machine) served(dir string) string {
	m.t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	m.t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		m.t.Fatal(err)
	}
	return "http://10.0.2.2:" + u.Port()
}
