package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
)

// TestImages has external programs verify every disk and card image in out/, for every board: partition table, boot
// partition, root file system; and checks that the files are present that the board's ROM and firmware look for. It
// names the boards that were not built.
func TestImages(t *testing.T) {
	if os.Getenv("PROA_E2E") == "" {
		t.Skip("PROA_E2E is not set: run by `make e2e`")
	}
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		for _, k := range images.Kinds() {
			file := filepath.Join("../../out", b.Name, "proa-"+b.Name+k.File)
			if _, has := b.Boot[k.Name]; !has || k.Name == "iso" {
				continue
			}
			t.Run(b.Name+"-"+k.Name, func(t *testing.T) {
				if _, err := os.Stat(file); err != nil && b.Name != "pc" {
					t.Skipf("not built: make %s BOARD=%s", k.Name, b.Name)
				}
				judge(t, b, file)
			})
		}
	}
}

// judged is an unpacked image.
type judged struct {
	file  string
	table layout.Table
	board boards.Board
}

func judge(t *testing.T, b boards.Board, file string) {
	raw := filepath.Join(t.TempDir(), "raw.img")
	if err := qemu.NewDisk(raw, file, 0); err != nil {
		t.Fatal(err)
	}
	table, err := b.Layout().Fit(b.Layout().ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	j := judged{raw, table, b}
	if out := run(t, "sgdisk", "-v", raw); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	for _, p := range table {
		switch p.Role {
		case layout.Boot:
			run(t, "fsck.fat", "-n", j.part(t, p))
		case layout.Root:
			if p.Slot == layout.A {
				run(t, "fsck.erofs", j.part(t, p))
			}
		}
	}
	j.firmware(t)
	if b.SlotChains().Has(chain.Tryboot) {
		j.starts(t)
	}
}

// run fails the test unless the program reports no errors.
func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	out, err := exec.Command(oracle.Tool(t, tool), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// part copies a partition into a file, for programs that take no offset.
func (j judged) part(t *testing.T, p layout.Partition) string {
	t.Helper()
	from, err := os.Open(j.file)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := filepath.Join(t.TempDir(), p.Name)
	to, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, io.NewSectionReader(from, p.Start, p.Size)); err != nil {
		t.Fatal(err)
	}
	return name
}

// firmware checks that all files and blobs that board.yaml lists for the ROM are there.
func (j judged) firmware(t *testing.T) {
	f, err := os.Open(j.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for slot, names := range j.wanted() {
		boot, err := j.table.Find(layout.Boot, slot)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := fat.ReadFile(f, boot.Start, boot.Size, name)
			if err != nil || len(text) == 0 {
				t.Errorf("%s: %s: %d bytes, %v", boot.Name, name, len(text), err)
			}
		}
	}
	for _, r := range j.board.Firmware.Raw {
		head := make([]byte, 512)
		if _, err := f.ReadAt(head, int64(r.At)); err != nil || !recognised(head) {
			t.Errorf("%s at %d begins with %q, %v", r.From, r.At, head[:32], err)
		}
	}
}

// wanted returns the expected files by boot partition: all in one if the slots share it.
func (j judged) wanted() map[layout.Slot][]string {
	var own []string
	for _, x := range j.board.Firmware.Files {
		own = append(own, x.To)
	}
	for _, x := range j.board.Firmware.Texts {
		own = append(own, x.To)
	}
	chains := j.board.SlotChains()
	for _, d := range j.board.Kernel.DTBs {
		if j.board.Firmware.DTBs || chains.OwnBoot() {
			own = append(own, path.Base(d))
		}
	}
	if chains.Has(chain.Tryboot) {
		for _, o := range j.board.Tryboot.Overlays {
			own = append(own, o.To)
		}
		return map[layout.Slot][]string{
			layout.Shared: {"autoboot.txt", "config.yaml", "blackbox"},
			layout.A:      append(own, "config.txt", "cmdline.txt", "vmlinuz", "initrd", "manifest.json", "manifest.sig"),
		}
	}
	names := append(own, "config.yaml", "slots/a/vmlinuz", "slots/a/initrd")
	for _, d := range j.board.Kernel.DTBs {
		names = append(names, "slots/a/dtb/"+d)
	}
	for _, c := range chains {
		if c.Starter != "" {
			names = append(names, "slots/a/"+c.Starter)
		}
	}
	return map[layout.Slot][]string{layout.Shared: append(names, chainFiles(chains)...)}
}

// chainFiles returns the files in the boot partition with which the chains choose a slot.
func chainFiles(chains chain.List) (names []string) {
	for name, files := range map[string][]string{
		chain.UBoot:       {"boot.scr"},
		chain.GRUB:        {"grub/grub.cfg", "grub/env0", "grub/env1"},
		chain.SystemdBoot: {"loader/loader.conf", "loader/entries/proa-a+3.conf"},
	} {
		if chains.Has(name) {
			names = append(names, files...)
		}
	}
	return names
}

// recognised checks the magic bytes that ROMs look for. Allwinner's boot header has eGON.BT0
// (doc/board/allwinner/sunxi.rst in U-Boot), TI's begins with a table of contents with the item CHSETTINGS, and
// U-Boot's own image has the magic of legacy images.
func recognised(head []byte) bool {
	return bytes.Equal(head[4:12], []byte("eGON.BT0")) || bytes.Contains(head[:64], []byte("CHSETTINGS")) ||
		bytes.HasPrefix(head, []byte{0x27, 0x05, 0x19, 0x56}) || bytes.HasPrefix(head, []byte{0xd0, 0x0d, 0xfe, 0xed})
}
