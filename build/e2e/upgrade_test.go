package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"log"
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
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// TestUpgrade: a machine upgrades itself from releases on a plain HTTP server, by patches from what it runs: to a stepping
// stone, and to the newest release; then it goes back, and does not take again what it gave up. PROA_UPGRADE selects
// chains; those of a PC by default.
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
			upgrades(t, start(t, o))
		})
	}
}

func upgrades(t *testing.T, m *machine) {
	old := m.slot()
	stone, last := newer(t, old, "v1.1.0"), newer(t, old, "v1.2.0")
	dir := m.spec.Dir
	released(t, dir, releasing.Options{}, old, stone)
	site := m.served(released(t, dir, releasing.Options{Stones: []string{stone.Version}}, last))
	m.untilGood(m.bootBudget())
	if out := m.run("proa upgrade check "+site, nil); !strings.Contains(out, stone.Version+" can replace "+old.Version+", on the way to "+last.Version) || !strings.Contains(out, "patch") {
		t.Fatalf("proa upgrade check: %s", out)
	}
	m.upgradesTo(site, layout.B)
	if out := m.run("proa upgrade log; proa upgrade check "+site, nil); !strings.Contains(out, "succeeded") || !strings.Contains(out, last.Version+" can replace "+stone.Version) {
		t.Errorf("after the stepping stone: %s", out)
	}
	m.upgradesTo(site, layout.A)
	if out := m.run("proa upgrade log; proa upgrade check "+site, nil); strings.Count(out, "succeeded") != 2 || !strings.Contains(out, last.Version+" runs, and is the newest") {
		t.Errorf("after the upgrade: %s", out)
	}
	mark := m.Mark()
	m.node.Run(t.Context(), "proa slot rollback --reboot", nil) // the connection ends with the machine
	m.expectAfter(mark, "proa: up slot=b mode=disk version="+stone.Version, 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	if out := m.run("proa upgrade log; proa upgrade check "+site, nil); !strings.Contains(out, last.Version+" was given up") {
		t.Errorf("after the rollback: %s", out)
	} else {
		t.Logf("%s", out)
	}
	m.off()
}

// upgradesTo lets the machine upgrade itself into a slot, and waits until it is good.
func (m *machine) upgradesTo(site string, to layout.Slot) {
	m.t.Helper()
	mark, began := m.Mark(), time.Now()
	m.node.Run(m.t.Context(), "proa upgrade apply "+site, nil) // the connection ends with the machine
	m.t.Logf("written and restarted after %.0f s", time.Since(began).Seconds())
	m.expectAfter(mark, fmt.Sprintf("proa: up slot=%s mode=disk ", to), 2*m.bootBudget())
	m.untilGood(m.bootBudget())
}

// newer is a slot whose release.json and os-release have another version: a beginning, and as many letters more as the
// version has that they had. Nothing else of its root differs.
func newer(t *testing.T, s slotimage.Slot, version string) slotimage.Slot {
	t.Helper()
	root, err := s.Image.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	version += "-" + strings.Repeat("x", len(s.Version)-len(version)-1)
	image := bytes.Clone(root[:s.Root.Size])
	renamed(t, image, s.Version, version)
	tail := bytes.NewBuffer(image)
	hash, err := verity.Write(tail, bytes.NewReader(image), s.Root.Size, nil, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s.Version, s.Image, s.Root.Hash = version, tree.Bytes(tail.Bytes()), hex.EncodeToString(hash)
	return s
}

// renamed replaces the version in a root image: in the raw region, which has os-release, and in the stored content of
// release.json, which must take as many blocks as before.
func renamed(t *testing.T, image []byte, old, version string) {
	t.Helper()
	m, err := erofs.Open(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, r := range m.Regions() {
		stored := image[at : at+r.Stored]
		at += r.Stored
		switch "/" + strings.TrimPrefix(r.Path, "/") {
		case "/":
			copy(stored, bytes.ReplaceAll(stored, []byte(old), []byte(version)))
		case releasefile.Path:
			content := make([]byte, r.Content)
			if err := m.ReadContent(r.Path, 0, content); err != nil {
				t.Fatal(err)
			}
			again, err := m.Codec().Encode(nil, bytes.ReplaceAll(content, []byte(old), []byte(version)))
			if err != nil || int64(len(again)) != r.Stored {
				t.Fatalf("release.json: %d bytes, had %d: %v", len(again), r.Stored, err)
			}
			copy(stored, again)
		}
	}
}

// released adds slots to the release in a directory, with patches from those before.
func released(t *testing.T, dir string, o releasing.Options, slots ...slotimage.Slot) (site string) {
	t.Helper()
	o.Out, o.Now, o.Show = filepath.Join(dir, "site"), time.Now(), quiet{}
	if o.Ring == nil {
		o.Ring = ring(t)
	}
	for _, s := range slots {
		file := filepath.Join(dir, "release.slot")
		if err := files.Create(file, func(f *os.File) error { return s.Write(f, nil) }); err != nil {
			t.Fatal(err)
		}
		made, err := releasing.Run(t.Context(), o, []string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			t.Log(m)
		}
	}
	return o.Out
}

// served serves a directory to the guest, and returns its URL there.
func (m *machine) served(dir string) string {
	m.t.Helper()
	return m.servedBy(http.FileServer(http.Dir(dir)))
}

// servedBy starts a server for the guest, and returns its URL there: QEMU's user network has the host's loopback at this
// address.
func (m *machine) servedBy(h http.Handler) string {
	m.t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	m.t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	u, err := url.Parse(server.URL)
	if err != nil {
		m.t.Fatal(err)
	}
	return "http://10.0.2.2:" + u.Port()
}
