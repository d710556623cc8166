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
	good := []string{"table: hybrid", "table: gpt", "boot: 288MiB", "boot: 36MiB, slot-boot: 264MiB", "rom: u-boot", "rom: tryboot",
		"console:", "tryboot: {watchdog: 180, config: [enable_uart=1]}\nconsole:"}
	all, err := load(with(t, "rpi4", good...))
	if err != nil {
		t.Fatal(err)
	}
	s, c := all[0].Layout(), all[0].ConfigTxt()
	if s.SlotBootSize != 264*layout.MiB || s.StateSize != layout.MiB || c.Watchdog != 180 || len(c.Lines) != 1 {
		t.Errorf("%+v, %+v", s, c)
	}
	for _, bad := range []struct{ old, new, want string }{
		{"slot-boot: 264MiB", "slot-boot: 0MiB", "sizes.slot-boot: tryboot needs it"},
		{"table: gpt", "table: hybrid", "table: tryboot needs gpt"},
		{"config: [enable_uart=1]", `config: ["a\nb"]`, "config.txt cannot hold the line"},
		{"dtbs: [broadcom/bcm2711-rpi-4-b.dtb]", "dtbs: []", "kernel.dtbs: tryboot needs them"},
	} {
		_, err := load(with(t, "rpi4", append(good, bad.old, bad.new)...))
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.new, err, bad.want)
		}
	}
}

func TestGet(t *testing.T) {
	if b, err := Get("pc"); err != nil || b.Arch != "amd64" {
		t.Errorf("pc: %v, %v", b.Arch, err)
	}
	if _, err := Get("cp"); err == nil || err.Error() != `no board "cp"` {
		t.Errorf("cp: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"arch: amd64", "arch: z80", `arch: "z80" is none of`},
		{"title:", "titel:", "field titel not found"},
		{"images: [iso, disk, slot]", "images: [iso, dsk]", `images: "dsk"`},
		{"name: pc", "name: cp", "not that of its directory"},
		{"bios: 1MiB", "bios: 1", `"1" is no size`},
		{"bios: 1MiB", "bios: 0MiB", "GRUB needs it"},
		{"bios: 1MiB", "bios: 1MiB, slot-boot: 64MiB", "sizes.slot-boot: tryboot needs it, and only tryboot"},
		{"first-lba: 2048", "first-lba: 1", "do not fit"},
		{"bios: grub", "bios: lilo", `"lilo" is none of`},
		{"efi-name: BOOTX64.EFI", "efi-name: ''", "efi-name: missing"},
		{"console:", "wifi: {packages: [firmware-x]}\nconsole:", "wifi: packages, firmware and a driver"},
		{"console:", "wifi: {packages: [firmware-x], firmware: [/a]}\nconsole:", `wifi.firmware: "/a" is no glob below`},
		{"    - mm\n", "    - drivers/net/wireless/x\n    - mm\n", "wifi: packages, firmware and a driver"},
		{"name: pc\n", "name: pc\n---\nname: pc\n", "more than one document"},
	} {
		_, err := load(with(t, "pc", c.old, c.new))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}
