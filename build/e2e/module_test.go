package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kernel"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/cpio"
	"github.com/proa-os/proa/images/tree"
)

// TestModule compiles the kernel module of the boards with tryboot twice in two places, which must give the same bytes;
// and loads it into its kernel on QEMU's Raspberry Pi, where a restart must pass the trial flag to the firmware.
func TestModule(t *testing.T) {
	needs(t, "module")
	dir := cacheDir(t)
	p := planOf(t, dir, "rpi5", "slot")
	here, there := graph.Cache{Dir: dir}, graph.Cache{Dir: t.TempDir()}
	module, unpacked := p.Graph.Find("module-proa_tryboot"), p.Graph.Find("kernel")
	made := func(c graph.Cache, want ...*graph.Action) []byte {
		r := graph.Runner{Cache: &c, Scope: "test", Observer: quiet{}}
		if err := r.Run(t.Context(), p.Graph, want...); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(c.Out(module), "proa_tryboot.ko"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ko := made(here, module, unpacked)
	if !bytes.Equal(ko, made(there, module)) {
		t.Error("made in another place, the module is another")
	}
	refused(t, ko, here.Out(unpacked))
	tellFirmware(t, ko, here.Out(unpacked))
}

// refused: the build refuses to add the module to a kernel of another release.
func refused(t *testing.T, ko []byte, of string) {
	release, err := os.ReadFile(filepath.Join(of, "version"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "proa_tryboot.ko")
	if err := os.WriteFile(file, ko, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{string(release): "no vmlinuz", string(release) + "1": "not made for kernel"} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "usr/lib/modules", name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := kernel.Arrange(t.Context(), dir, "true", []string{file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("kernel %s: %v, want %q", name, err, want)
		}
	}
}

type quiet struct{}

func (quiet) Start(string, []string)            {}
func (quiet) Progress(string, int64, int64)     {}
func (quiet) Done(string, time.Duration, error) {}

// cacheDir returns the command's own cache.
func cacheDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("PROA_CACHE"); dir != "" {
		return dir
	}
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(user, "proa")
}

// planOf plans an image as the command does, with the packages in the lock.
func planOf(t *testing.T, dir, board, kind string) *plan.Plan {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := pin.Load(filepath.Join(repo, "build/pin/debian.lock"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := boards.Get(board)
	if err != nil {
		t.Fatal(err)
	}
	k := &recipe.Kit{Repo: repo, Host: pin.DebianArch(runtime.GOARCH), Lock: lock, Compression: recipe.DefaultCompression,
		Store: &apt.Store{Dir: filepath.Join(dir, "debs"), Apt: filepath.Join(dir, "apt")}}
	p, err := plan.New(k, b, images.Kind{Name: kind})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tellFirmware boots the kernel with ./tell as its init. QEMU's firmware does not support the message and logs that.
func tellFirmware(t *testing.T, ko []byte, of string) {
	dir := t.TempDir()
	init, err := tree.HostFile(compile(t, "arm64", "tell"))
	if err != nil {
		t.Fatal(err)
	}
	var initrd bytes.Buffer
	if err := cpio.Write(&initrd, []tree.Entry{tree.File("init", 0o755, init), tree.File("proa_tryboot.ko", 0o644, tree.Bytes(ko)), tree.Dir("proc", 0o555),
		tree.Dir("dev", 0o755), tree.CharDev("dev/console", 0o600, 5, 1)}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	card, ramdisk := filepath.Join(dir, "card.img"), filepath.Join(dir, "initrd")
	for name, text := range map[string][]byte{ramdisk: initrd.Bytes(), card: make([]byte, 1<<20)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec := qemu.Spec{Tools: tools(t, "raspi3b"), Medium: qemu.Disk, Image: card, Dir: dir, Console: consoleLog(t)}
	spec.Tools.Loads = nil
	spec.Tools.Machine = append(spec.Tools.Machine[:len(spec.Tools.Machine):len(spec.Tools.Machine)], "-d", "unimp", "-kernel", filepath.Join(of, "vmlinuz"),
		"-initrd", ramdisk, "-dtb", filepath.Join(of, "dtb/broadcom/bcm2837-rpi-3-b.dtb"), "-append", "console=ttyAMA0,115200")
	vm, err := qemu.Start(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Kill()
	m := &machine{VM: vm, t: t, own: t, spec: spec}
	m.expect("tell: known by its symbol: true", bootBudget)
	m.expect("unhandled tag 0x00038064", bootBudget) // RPI_FIRMWARE_SET_REBOOT_FLAGS
}
