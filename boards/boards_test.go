package boards

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/images/layout"
)

// Every row: valid, and its table on a 16 GB medium is the golden one.
func TestEveryBoard(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no boards")
	}
	for _, b := range all {
		table, err := b.Layout().Fit(16_000_000_000)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		var got strings.Builder
		for _, p := range table {
			got.WriteString(p.String() + "\n")
		}
		golden.Check(t, b.Name, got.String())
		if _, err := table.Find(layout.Data, layout.Shared); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}

// with returns the files of one board and of the sets. Each old text is replaced by the new one after it: the first
// in the board, or else in the sets.
func with(t *testing.T, board string, oldnew ...string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	names := []string{board + "/board.yaml", modulesFile}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	for i := 0; i < len(oldnew); i += 2 {
		has := func(name string) bool { return strings.Contains(string(out[name].Data), oldnew[i]) }
		at := slices.IndexFunc(names, has)
		if at < 0 {
			t.Fatalf("%s: there is no %q to replace", board, oldnew[i])
		}
		f := out[names[at]]
		f.Data = []byte(strings.Replace(string(f.Data), oldnew[i], oldnew[i+1], 1))
	}
	return out
}

// TestTryboot: a board that selects it has the partitions and a config.txt, and none without what the firmware needs.
func TestTryboot(t *testing.T) {
	all, err := load(with(t, "rpi5"))
	if err != nil {
		t.Fatal(err)
	}
	s, c := all[0].Layout(), all[0].ConfigTxt()
	if s.SlotBootSize != 264*layout.MiB || s.StateSize != layout.MiB || c.Watchdog != 180 || len(c.Lines) != 1 {
		t.Errorf("%+v, %+v", s, c)
	}
	refuses(t, "rpi5", []refusal{
		{"slot-boot: 264MiB", "slot-boot: 0MiB", "sizes.slot-boot: tryboot needs it"},
		{"table: gpt", "table: hybrid", "table: tryboot needs gpt"},
		{"config: [enable_uart=1]", `config: ["a\nb"]`, "config.txt cannot hold the line"},
		{"    - broadcom/bcm2712-rpi-5-b.dtb\n    - broadcom/bcm2712-d-rpi-5-b.dtb\n", "",
			"kernel.dtbs: tryboot needs them"},
		{"watchdog: 180", "device-tree: bcm2711.dtb", `tryboot.device-tree: "bcm2711.dtb" is none of kernel.dtbs`},
		{"from: broadcom/bcm2712-rpi-5-b.dtb", "from: broadcom/bcm2711.dtb", "tryboot.overlays: "},
	})
}

func TestUBoot(t *testing.T) {
	refuses(t, "beaglebone-black", []refusal{
		{"start: bootz", "start: bootm", `u-boot.start: "bootm" is none of`},
		{"start: bootz", "start: booti", "u-boot.comp: address 0x0: missing"},
		{"scripts: fit", "scripts: itb", `u-boot.scripts: "itb" is none of`},
		{"dtb: am335x-boneblack.dtb", "dtb: other.dtb", `u-boot.dtb: "other.dtb" is none of kernel.dtbs`},
		{"start: bootz", "start: bootz\n  firmware-dtb: fdt_addr", "exactly one of dtb and firmware-dtb"},
		{"initrd: 0x89000000", "initrd: 0x87000000", "u-boot: fdt at 0x88000000 and initrd at 0x87000000 overlap"},
		{"initrd: 0x89000000", "initrd: 0x89000001", "u-boot.initrd: address 0x89000001"},
		{"initrd: 0x89000000", "", "u-boot.initrd: address 0x0"},
		{"script: 0x88100000", "script: 0x88200400", "state at 0x88200000 and script at 0x88200400 overlap"},
		{"packages: [u-boot-omap]", "packages: []", "firmware.packages: missing"},
	})
}

// TestUnread: what a board says of a boot chain that it does not have would be read by nobody.
func TestUnread(t *testing.T) {
	refuses(t, "pc", []refusal{
		{"console:", "u-boot: {start: bootz}\nconsole:", "u-boot: no image of the board is started by it"},
		{"console:", "tryboot: {watchdog: 180}\nconsole:", "tryboot: no image of the board is started by it"},
	})
	refuses(t, "rpi4", []refusal{
		{"console:", "efi-name: BOOTAA64.EFI\nconsole:", "efi-name: UEFI firmware needs it, and nothing else"},
	})
}

func TestGet(t *testing.T) {
	if b, err := Get("pc"); err != nil || b.Arch != "amd64" {
		t.Errorf("pc: %v, %v", b.Arch, err)
	}
	if _, err := Get("cp"); err == nil || err.Error() != `no board "cp"` {
		t.Errorf("cp: %v", err)
	}
}

// refusal is a text of a board, another in its place, and what is said about that.
type refusal struct{ old, new, want string }

func refuses(t *testing.T, board string, list []refusal) {
	t.Helper()
	for _, r := range list {
		_, err := load(with(t, board, r.old, r.new))
		if err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: %s: %v, want %q", board, r.new, err, r.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	refuses(t, "pc", []refusal{
		{"arch: amd64", "arch: z80", `arch: "z80" is none of`},
		{"title:", "titel:", "field titel not found"},
		{"images: [iso, disk, slot]", "images: [iso, dsk]", `images: "dsk"`},
		{"name: pc", "name: cp", "not that of its directory"},
		{"bios: 1MiB", "bios: 1", `"1" is no size`},
		{"bios: 1MiB", "bios: 0MiB", "GRUB needs it"},
		{"bios: 1MiB", "bios: 1MiB, slot-boot: 64MiB", "sizes.slot-boot: tryboot needs it, and only tryboot"},
		{"first-lba: 2048", "first-lba: 1", "do not fit"},
		{"bios: grub", "bios: lilo", `"lilo" is none of`},
		{"bios: grub", "bios: isolinux", "boot.disk.bios: isolinux starts no image of kind disk"},
		{"disk: {uefi: systemd-boot", "disk: {uefi: grub", `boot.disk.uefi: "grub" is none of`},
		{"efi-name: BOOTX64.EFI", "efi-name: ''", "efi-name: UEFI firmware needs it"},
		{"console:", "wifi: {packages: [firmware-x]}\nconsole:", "wifi: packages, firmware and a driver"},
		{"console:", "wifi: {packages: [firmware-x], firmware: [/a]}\nconsole:", `wifi.firmware: "/a" is no glob below`},
		{"    - mm\n", "    - drivers/net/wireless/x\n    - mm\n", "wifi: packages, firmware and a driver"},
		{"name: pc\n", "name: pc\n---\nname: pc\n", "more than one document"},
	})
}
