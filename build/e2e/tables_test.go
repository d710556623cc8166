package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/cpio"
	"github.com/proa-os/proa/images/tree"
)

// TestTables has the image's kernel read every partition table that a power cut can leave. Its command line does not
// have "gpt", which would make it use the backup GPT.
func TestTables(t *testing.T) {
	needs(t, "tables")
	dir := cacheDir(t)
	p := planOf(t, dir, "pc", "slot")
	cache, unpacked := graph.Cache{Dir: dir}, p.Graph.Find("kernel")
	r := graph.Runner{Cache: &cache, Scope: "test", Observer: quiet{}}
	if err := r.Run(t.Context(), p.Graph, unpacked); err != nil {
		t.Fatal(err)
	}
	of := cache.Out(unpacked)
	m := directly(t, filepath.Join(of, "vmlinuz"), map[string]string{
		"init": compile(t, "amd64", "tables"), "loop.ko.xz": filepath.Join(of, "modules/kernel/drivers/block/loop.ko.xz"),
	})
	m.expect("changes, 0 failed", 4*bootBudget)
}

// directly boots a kernel on a PC, without firmware or disk, with these files in its initramfs.
func directly(t *testing.T, kernel string, files map[string]string) *machine {
	t.Helper()
	entries := []tree.Entry{tree.Dir("proc", 0o555), tree.Dir("sys", 0o555), tree.Dir("tmp", 0o777), tree.Dir("dev", 0o755), tree.CharDev("dev/console", 0o600, 5, 1)}
	for name, file := range files {
		content, err := tree.HostFile(file)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, tree.File(name, 0o755, content))
	}
	var initrd bytes.Buffer
	if err := cpio.Write(&initrd, entries, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	empty, ramdisk := filepath.Join(dir, "empty.img"), filepath.Join(dir, "initrd")
	for name, text := range map[string][]byte{ramdisk: initrd.Bytes(), empty: make([]byte, 1<<20)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec := qemu.Spec{Tools: tools(t, "q35"), Firmware: qemu.BIOS, Medium: qemu.Disk, Image: empty, Memory: 1024, Dir: dir, Console: consoleLog(t)}
	spec.Tools.Disk = []string{"-device", "virtio-blk-pci,drive=boot"} // the disk's driver is loaded by the test's init
	spec.Tools.Machine = append(spec.Tools.Machine[:len(spec.Tools.Machine):len(spec.Tools.Machine)], "-kernel", kernel, "-initrd", ramdisk,
		"-append", "console=ttyS0 quiet")
	vm, err := qemu.Start(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vm.Kill)
	return &machine{VM: vm, t: t, own: t, spec: spec}
}
