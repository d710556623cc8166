package media

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images/tryboot/model"
)

// TestTryboot: the model of Raspberry Pi's firmware boots the image of a board with tryboot.
func TestTryboot(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kernel/vmlinuz.gz": "packed kernel", "kernel/dtb/broadcom/bcm2712-rpi-5-b.dtb": "tree", "initramfs/initrd": "initrd",
		"root/root.img": strings.Repeat("root", 4096), "root/root.json": `{"roothash": "` + strings.Repeat("ab", 32) + `", "rootsize": 4096}`, "firmware/usr/lib/x/readme": "overlays",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := boards.Board{Name: "rpi5", Arch: "arm64", Table: "gpt", FirstLBA: 8192, Align: 4 << 20, Sizes: boards.Sizes{Boot: 36 << 20, SlotBoot: 36 << 20, Root: 1 << 20},
		Boot: map[string]boards.Boot{"sd": {ROM: "tryboot"}}, Kernel: boards.Kernel{DTBs: []string{"broadcom/bcm2712-rpi-5-b.dtb"}}, Tryboot: boards.Tryboot{Watchdog: 180},
		Firmware: boards.Firmware{Files: []boards.File{{From: "usr/lib/x/readme", To: "overlays/README"}}}}
	p := Parts{Board: b, Firmware: filepath.Join(dir, "firmware"), Kernel: filepath.Join(dir, "kernel"), Initramfs: filepath.Join(dir, "initramfs"), Root: filepath.Join(dir, "root"),
		Version: "v1", When: time.Unix(1_700_000_000, 0), Config: []byte("# yours\n")}
	file := filepath.Join(dir, "x.img")
	if err := Disk(file, "sd", p); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := model.Firmware{Board: model.Pi5(), Disk: f}.Boot(false)
	if err != nil || string(s.Kernel) != "packed kernel" || string(s.Initrd) != "initrd" || string(s.Tree) != "tree" || !strings.HasSuffix(s.Cmdline, " proa.rootsize=4096 proa.slot=a") {
		t.Errorf("%v: kernel %q, initrd %q, tree %q, %q", err, s.Kernel, s.Initrd, s.Tree, s.Cmdline)
	}
	for name, part := range map[string]int{"config.yaml": 1, "overlays/README": 2, "manifest.json": 2, "manifest.sig": 2} {
		if _, err := model.FileAt(f, part, name); err != nil {
			t.Errorf("partition %d: %v", part, err)
		}
	}
}
