package uboot_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
)

// target is one of QEMU's boards.
type target struct {
	name string // Debian's name of the U-Boot for it
	args []string
	uboot.Board
}

func arm64() target {
	return target{"qemu_arm64", []string{"-M", "virt", "-cpu", "cortex-a57"}, virt("booti")}
}

func armv7() target {
	return target{"qemu_arm", []string{"-M", "virt,highmem=off", "-cpu", "cortex-a15"}, virt("bootz")}
}

// virt is QEMU's board as boot.cmd needs it; its memory begins at 0x40000000.
func virt(start string) uboot.Board {
	return uboot.Board{Start: start, FirmwareDTB: "fdtcontroladdr", StateBlock: 2048 + 36*2048, Addresses: uboot.Addresses{
		Kernel: 0x41000000, Comp: 0x45000000, Initrd: 0x49000000, FDT: 0x40800000, Script: 0x40a00000, State: 0x40b00000,
	}}
}

// machine is a disk image and the emulator's arguments for it.
type machine struct {
	target
	image string
	table layout.Table
	drive string // more of QEMU's -drive option
}

// newMachine makes a disk with those files in its boot partition; scripts (boot.scr) get their image header.
func newMachine(t *testing.T, on target, state []byte, files map[string]string) machine {
	t.Helper()
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BootSize: 36 * layout.MiB, RootSize: layout.MiB}
	spec.StateSize = (int64(len(state)) + layout.MiB - 1) / layout.MiB * layout.MiB
	table, err := spec.Fit(spec.ImageSize())
	must(t, err)
	m := machine{target: on, image: filepath.Join(t.TempDir(), "disk.img"), table: table}
	f, err := os.Create(m.image)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(spec.ImageSize()))
	c := disk.Contents{Seed: "uboot", When: time.Unix(1_700_000_000, 0), State: state}
	for name, text := range files {
		data := []byte(text)
		if strings.HasSuffix(name, ".scr") {
			data = on.Image("test", data, c.When)
		}
		c.Boot = append(c.Boot, tree.File(name, 0o644, tree.Bytes(data)))
	}
	must(t, disk.Write(f, spec.ImageSize(), table, c, nil))
	return m
}

func (m machine) stateAt(t *testing.T) int64 {
	t.Helper()
	p, err := m.table.Find(layout.State, layout.Shared)
	must(t, err)
	return p.Start
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts U-Boot until it switches the machine off and returns what it printed.
func (m machine) run(t *testing.T, limit time.Duration) string {
	t.Helper()
	bin, qemu := oracle.UBoot(t, m.name), oracle.Tool(t, "qemu-system-aarch64")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append(m.args, "-accel", "tcg", "-m", "256M", "-nographic", "-net", "none", "-bios", bin,
		"-drive", "format=raw,if=virtio,file="+m.image+m.drive)
	out, err := exec.CommandContext(ctx, qemu, args...).CombinedOutput()
	console := strings.ReplaceAll(string(out), "\r", "")
	if err != nil {
		t.Fatalf("qemu: %v\n%s", err, tail(console))
	}
	return console
}

func tail(s string) string { return s[max(0, len(s)-8000):] }
