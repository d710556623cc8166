package slotimage

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
	"github.com/proa-os/proa/images/verity"
)

func slot(t *testing.T) Slot {
	t.Helper()
	root := bytes.Repeat([]byte{7}, 2*verity.BlockSize)
	var tail bytes.Buffer
	hash, err := verity.Write(&tail, bytes.NewReader(root), int64(len(root)), nil, [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	return Slot{Board: "pc", Version: "v1", Kernel: tree.Bytes([]byte("K")), Initrd: tree.Bytes([]byte("I")), When: time.Unix(1<<30, 0),
		Image: tree.Bytes(append(root, tail.Bytes()...)), Root: verity.Root{Hash: hex.EncodeToString(hash), Size: int64(len(root))}}
}

// list reads a slot file with its manifest.
func list(t *testing.T, s Slot) (m slotfile.Manifest, files map[string]string) {
	t.Helper()
	var b bytes.Buffer
	if err := s.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	r, err := slotfile.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return r.Manifest, files
		}
		text, err := io.ReadAll(e)
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name] = string(text)
	}
}

func TestGRUB(t *testing.T) {
	s := slot(t)
	s.Chains = chain.Rows(chain.SystemdBoot, chain.GRUB)
	m, files := list(t, s)
	delete(files, slotfile.RootName)
	want := map[string]string{"boot/vmlinuz": "K", "boot/initrd": "I",
		"boot-a/grub.cfg": "linux /slots/a/vmlinuz " + s.Cmdline(layout.Shared) + " proa.slot=a $fallback\ninitrd /slots/a/initrd\n",
		"boot-b/grub.cfg": "linux /slots/b/vmlinuz " + s.Cmdline(layout.Shared) + " proa.slot=b $fallback\ninitrd /slots/b/initrd\n"}
	if d := cmp.Diff(want, files); d != "" {
		t.Error(d)
	}
	if kept, err := s.Manifest(); err != nil || !bytes.Contains(kept, []byte(`"name": "boot-a/grub.cfg"`)) {
		t.Errorf("%v: %s", err, kept)
	}
	if hash, err := hex.DecodeString(m.Root.Hash); err != nil || len(hash) != 32 || m.Root.Image != 2*verity.BlockSize || m.Cmdline != s.Cmdline(layout.Shared) {
		t.Errorf("%+v", m)
	}
}

func TestUBoot(t *testing.T) {
	s := slot(t)
	s.DTB = map[string]tree.Content{"x.dtb": tree.Bytes([]byte("D"))}
	s.Chains = chain.Rows(chain.UBoot)
	s.UBoot = uboot.Board{Start: "bootz", DTB: "x.dtb", Addresses: uboot.Addresses{Kernel: 0x1000000, Initrd: 0x3000000, FDT: 0x2000000, Script: 0x800000, State: 0x900000}}
	_, files := list(t, s)
	if files["boot/dtb/x.dtb"] != "D" || len(files) != 6 {
		t.Errorf("%q", files)
	}
	for _, name := range []string{"a", "b"} {
		if text := files["boot-"+name+"/boot.scr"]; !strings.Contains(text, "slots/"+name+"/vmlinuz") || !strings.Contains(text, "proa.slot="+name) {
			t.Errorf("slot %s: %q", name, text)
		}
	}
}

func TestTryboot(t *testing.T) {
	s := slot(t)
	s.Chains, s.ConfigTxt = chain.Rows(chain.Tryboot), tryboot.Config{Watchdog: 180}
	s.DTB = map[string]tree.Content{"broadcom/x.dtb": tree.Bytes([]byte("D"))}
	s.Firmware = []tree.Entry{tree.File("overlays/README", 0o644, tree.Bytes([]byte("O")))}
	_, files := list(t, s)
	delete(files, slotfile.RootName)
	text, _ := s.ConfigTxt.Text()
	want := map[string]string{"boot/vmlinuz": "K", "boot/initrd": "I", "boot/x.dtb": "D", "boot/overlays/README": "O", "boot/config.txt": string(text),
		"boot-a/cmdline.txt": s.Cmdline(layout.Shared) + " proa.slot=a\n", "boot-b/cmdline.txt": s.Cmdline(layout.Shared) + " proa.slot=b\n"}
	if d := cmp.Diff(want, files); d != "" {
		t.Error(d)
	}
}

func TestNoRootHash(t *testing.T) {
	s := slot(t)
	s.Root = verity.Root{}
	if err := s.Write(io.Discard, nil); err == nil {
		t.Error("a slot that nothing can verify was written")
	}
}
