package bootfs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

func TestFiles(t *testing.T) {
	slot := slotimage.Slot{Version: "v1", Words: []string{"quiet"}, Kernel: tree.Bytes([]byte("K")), Initrd: tree.Bytes([]byte("I")),
		Chains: chain.Rows(chain.SystemdBoot, chain.GRUB)}
	files, err := Files(New{Slot: slot, Name: layout.A, SystemdBoot: []byte("MZ"), EFIName: "BOOTX64.EFI", Config: []byte("# yours\n")})
	if err != nil {
		t.Fatal(err)
	}
	sorted, err := tree.Sort(files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range sorted {
		data, err := e.Content.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(strings.TrimPrefix(string(data), "# GRUB Environment Block\n"), "\n")
		if e.Mode.IsDir() {
			line = "directory"
		}
		if e.Path == "blackbox" {
			line = fmt.Sprintf("%d bytes", len(data))
		}
		got = append(got, e.Path+": "+line)
	}
	want := []string{
		".: directory", "EFI: directory", "EFI/BOOT: directory", "EFI/BOOT/BOOTX64.EFI: MZ",
		"blackbox: 8192 bytes",
		"config.yaml: # yours",
		"grub: directory", "grub/env0: seq=0", "grub/env1: seq=2",
		"grub/grub.cfg: # Chooses the slot to start. State: env0 and env1 beside this file, each \"SEQ GOOD TRY LEFT\" said twice.",
		"loader: directory", "loader/entries: directory", "loader/entries/proa-a+3.conf: title proa v1", "loader/loader.conf: timeout 0",
		"slots: directory", "slots/a: directory", "slots/a/grub.cfg: linux /slots/a/vmlinuz quiet proa.mode=disk proa.slot=a $fallback",
		"slots/a/initrd: I", "slots/a/vmlinuz: K", "slots/b: directory",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUBoot(t *testing.T) {
	const dtb = "bcm2836-rpi-2-b.dtb"
	slot := slotimage.Slot{Chains: chain.Rows(chain.UBoot), DTB: map[string]tree.Content{dtb: tree.Bytes(nil)}, UBoot: uboot.Board{Start: "bootz", DTB: dtb,
		Addresses: uboot.Addresses{Kernel: 0x1000000, Initrd: 0x3000000, FDT: 0x2000000, Script: 0x800000, State: 0x900000}}}
	files, err := Files(New{Slot: slot, Name: layout.A, Manifest: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range files {
		got = append(got, e.Path)
	}
	slices.Sort(got)
	want := []string{
		"blackbox", "boot.scr", "config.yaml", "slots/a/boot.scr", "slots/a/dtb/" + dtb, "slots/a/initrd", "slots/a/manifest.json", "slots/a/manifest.sig", "slots/a/vmlinuz", "slots/b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff) // extlinux.conf would be preferred to boot.scr
	}
}

func TestOnlyWhatTheBoardBoots(t *testing.T) {
	files, err := Files(New{Name: layout.B})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(e tree.Entry) bool { return e.Path == "slots/b/vmlinuz" }) {
		t.Errorf("no kernel among %d files", len(files))
	}
	for _, e := range files {
		if strings.HasPrefix(e.Path, "grub") || strings.HasPrefix(e.Path, "EFI") || strings.HasPrefix(e.Path, "slots/a/") {
			t.Errorf("%s in a boot partition without bootloaders", e.Path)
		}
	}
}

func TestTryboot(t *testing.T) {
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BootSize: layout.MiB, SlotBootSize: layout.MiB, StateSize: layout.MiB, RootSize: layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	slot := New{Name: layout.B, Slot: slotimage.Slot{Chains: chain.Rows(chain.Tryboot), DTB: map[string]tree.Content{"x.dtb": tree.Bytes(nil)},
		Firmware: []tree.Entry{tree.File("overlays/README", 0o644, tree.Bytes(nil))}}}
	shared, own, err := Tryboot(table, slot)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range append(shared, own...) {
		got = append(got, e.Path)
	}
	want := []string{"autoboot.txt", "config.yaml", "blackbox", "vmlinuz", "initrd", "cmdline.txt", "config.txt", "overlays/README", "x.dtb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff) // config.txt in the shared partition would make that bootable
	}
	text, _ := shared[0].Content.ReadAll()
	if c, err := tryboot.Parse(text); c != (tryboot.Choice{Default: 3, Try: 2}) || err != nil {
		t.Errorf("autoboot.txt: %v, %v", c, err)
	}
	spec.SlotBootSize = 0
	table, _ = spec.Fit(spec.ImageSize())
	if _, _, err := Tryboot(table, slot); err == nil {
		t.Error("a layout without the slots' boot partitions was accepted")
	}
}
