package install

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/install/medium"
)

const config = "hostname: quay\n"

// parts is a PC with small partitions, whose programs are noise.
func parts(t *testing.T) media.Parts {
	t.Helper()
	dir, noise := t.TempDir(), strings.Repeat("proa\x00noise\xff", 1<<16)
	for name, text := range map[string]string{
		"kernel/vmlinuz": "kernel" + noise, "initramfs/initrd": "initrd" + noise[:99999], "root/root.img": strings.Repeat("root\x01\x02\x03\x04", 1<<17) + strings.Repeat("\x00", 1<<16),
		"root/root.json": `{"roothash": "` + strings.Repeat("ab", 32) + `", "rootsize": 1048576}`,
		"loaders/usr/lib/systemd/boot/efi/systemd-bootx64.efi": "MZ" + noise[:5000], "loaders/usr/lib/ISOLINUX/isolinux.bin": noise[:24000],
		"loaders/usr/lib/ISOLINUX/isohdpfx.bin": noise[:432], "loaders/usr/lib/syslinux/modules/bios/ldlinux.c32": noise[:11000],
		"grub/boot.img": noise[:512], "grub/core.img": noise[:31111],
	} {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o600))
	}
	all, err := boards.All()
	must(t, err)
	var b boards.Board
	for _, one := range all {
		if one.Name == "pc" {
			b = one
		}
	}
	b.Sizes = boards.Sizes{BIOS: 1 << 20, Boot: 40 << 20, Root: 4 << 20}
	in := func(name string) string { return filepath.Join(dir, name) }
	return media.Parts{Board: b, Loaders: in("loaders"), GRUB: in("grub"), Kernel: in("kernel"), Initramfs: in("initramfs"), Root: in("root"),
		Version: "v1", When: time.Unix(1_700_000_000, 0), Config: []byte(config)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// live makes the ISO and the disk image of one build, and returns what is on the mounted ISO and the image.
func live(t *testing.T) (medium.Medium, string) {
	t.Helper()
	xorriso, p, dir := oracle.Tool(t, "xorriso"), parts(t), t.TempDir()
	iso, img, files := filepath.Join(dir, "x.iso"), filepath.Join(dir, "x.img"), filepath.Join(dir, "medium")
	must(t, media.ISO(iso, dir, p))
	must(t, media.Disk(img, "disk", p))
	if out, err := exec.Command(xorriso, "-osirrox", "on", "-indev", iso, "-extract", "/", files).CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	m, err := medium.Open(files)
	must(t, err)
	return m, img
}

// target is an empty or a used disk.
func target(t *testing.T, size int64, used bool) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	if used {
		old := bytes.Repeat([]byte("old system "), 1<<20)
		for at := int64(0); at < 80<<20; at += int64(len(old)) {
			_, err := f.WriteAt(old, at)
			must(t, err)
		}
		_, err = f.WriteAt(old[:1<<20], size-1<<20)
		must(t, err)
	}
	return f.Name()
}

// same compares an installation with the image of the same build: every partition, and what is in front of them but for
// the places in the table that tell the size of the disk.
func same(t *testing.T, disk, img string) {
	t.Helper()
	a, err := os.Open(disk)
	must(t, err)
	defer a.Close()
	b, err := os.Open(img)
	must(t, err)
	defer b.Close()
	sizeA, _ := a.Seek(0, 2)
	sizeB, _ := b.Seek(0, 2)
	tableA, idsA, err := gpt.Read(a, sizeA)
	must(t, err)
	tableB, idsB, err := gpt.Read(b, sizeB)
	must(t, err)
	if d := cmp.Diff(tableB, tableA); d != "" {
		t.Error("table:", d)
	}
	if d := cmp.Diff(idsB, idsA); d != "" {
		t.Error("GUIDs:", d)
	}
	equal := func(what string, at, n int64) {
		x, y := make([]byte, n), make([]byte, n)
		_, err1 := a.ReadAt(x, at)
		_, err2 := b.ReadAt(y, at)
		if must(t, errors.Join(err1, err2)); !bytes.Equal(x, y) {
			t.Errorf("%s is not what the build writes", what)
		}
	}
	equal("the boot code", 0, bootCode)
	equal("the entries", 2*layout.Sector, 32*layout.Sector)
	for _, p := range tableB {
		equal(p.Name, p.Start, p.Size)
	}
}

// judged asks those who have to live with it.
func judged(t *testing.T, m medium.Medium, disk string) {
	t.Helper()
	out, err := exec.Command(oracle.Tool(t, "sgdisk"), "-v", disk).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("sgdisk: %v\n%s", err, out)
	}
	table, err := m.Kit.Spec.Fit(m.Kit.Spec.ImageSize())
	must(t, err)
	boot, err := table.Find(layout.Boot, layout.Shared)
	must(t, err)
	f, err := os.Open(disk)
	must(t, err)
	defer f.Close()
	part := make([]byte, boot.Size)
	_, err = f.ReadAt(part, boot.Start)
	must(t, err)
	file := filepath.Join(t.TempDir(), "boot")
	must(t, os.WriteFile(file, part, 0o600))
	if out, err := exec.Command(oracle.Tool(t, "fsck.fat"), "-n", file).CombinedOutput(); err != nil {
		t.Errorf("fsck.fat: %v\n%s", err, out)
	}
}

// TestSameAsTheBuild: empty, used, and over a system whose data is kept.
func TestSameAsTheBuild(t *testing.T) {
	m, img := live(t)
	for _, used := range []bool{false, true} {
		disk := target(t, Need(m.Kit.Spec)+12345*512, used)
		var last int64
		j := &Job{Medium: m, Path: disk, Config: []byte(config), Progress: func(_ string, done, _ int64) { last = done }}
		must(t, j.Run(t.Context()))
		same(t, disk, img)
		judged(t, m, disk)
		if last == 0 {
			t.Error("no progress was reported")
		}
	}
}

// boots says whether firmware would find something to start.
func boots(t *testing.T, m medium.Medium, disk string) bool {
	t.Helper()
	f, err := os.Open(disk)
	must(t, err)
	defer f.Close()
	table, err := m.Kit.Spec.Fit(m.Kit.Spec.ImageSize())
	must(t, err)
	p, err := table.Find(layout.Boot, layout.Shared)
	must(t, err)
	code := make([]byte, bootCode)
	_, err = f.ReadAt(code, 0)
	must(t, err)
	_, err = fat.ReadFile(f, p.Start, p.Size, "EFI/BOOT/BOOTX64.EFI")
	return err == nil || !bytes.Equal(code, make([]byte, bootCode))
}

// bad is a disk that fails.
type bad struct {
	Device
	writes int64
	failAt int64              // bytes written before writes fail; 0: never
	lose   int64              // offset of a byte that becomes zero; -1: none
	stop   context.CancelFunc // called instead of failing
}

func (b *bad) WriteAt(p []byte, off int64) (int, error) {
	if b.writes += int64(len(p)); b.failAt > 0 && b.writes > b.failAt {
		if b.stop != nil {
			b.stop()
			return b.Device.WriteAt(p, off)
		}
		return 0, unix.EIO
	}
	if b.lose >= off && b.lose < off+int64(len(p)) {
		p = bytes.Clone(p)
		clear(p[b.lose-off:][:1])
	}
	return b.Device.WriteAt(p, off)
}

// TestFailures: wherever it ends, the disk does not boot, and the error says what happened and in which state it is.
func TestFailures(t *testing.T) {
	m, _ := live(t)
	table, err := m.Kit.Spec.Fit(m.Kit.Spec.ImageSize())
	must(t, err)
	root, err := table.Find(layout.Root, layout.A)
	must(t, err)
	for name, c := range map[string]struct {
		bad
		says string
	}{
		"at once":       {bad{failAt: 1, lose: -1}, "input/output error"},
		"in the middle": {bad{failAt: 3 << 20, lose: -1}, "from byte "},
		"loses a byte":  {bad{lose: root.Start + 4096}, "defective"},
		"stopped":       {bad{failAt: 3 << 20, lose: -1}, "stopped"},
	} {
		disk := target(t, Need(m.Kit.Spec), true)
		ctx, cancel := context.WithCancel(t.Context())
		j := &Job{Medium: m, Path: disk, Config: []byte(config), Open: func(path string) (Device, error) {
			d, err := Open(path)
			b := c.bad
			if b.Device = d; name == "stopped" {
				b.stop = cancel
			}
			return &b, err
		}}
		err := j.Run(ctx)
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), disk) || !strings.Contains(err.Error(), "does not boot") {
			t.Errorf("%s: %v", name, err)
		}
		if name != "at once" && boots(t, m, disk) {
			t.Errorf("%s: the disk boots", name)
		}
	}
}

// head is where the partitions are.
func head(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	b := make([]byte, 60<<20)
	_, err = f.ReadAt(b, 0)
	must(t, err)
	return b
}

// TestRefused: nothing is written.
func TestRefused(t *testing.T) {
	m, _ := live(t)
	small, whole := target(t, Need(m.Kit.Spec)-512, true), target(t, Need(m.Kit.Spec), true)
	refused := func(j *Job, says string) {
		t.Helper()
		before := head(t, j.Path)
		err := j.Run(t.Context())
		after := head(t, j.Path)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasSuffix(err.Error(), "was not changed") || !bytes.Equal(before, after) {
			t.Errorf("%v, want %s; same: %v", err, says, bytes.Equal(before, after))
		}
	}
	refused(&Job{Medium: m, Path: small}, "at least")
	refused(&Job{Medium: m, Path: whole, Keep: true}, "cannot be kept")
	f, err := os.OpenFile(filepath.Join(m.Dir, "proa/root.img"), os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("!"), 5000)
	must(t, errors.Join(err, f.Close()))
	refused(&Job{Medium: m, Path: whole}, "damaged")
}

// TestKeep: what is in the data partition is there afterwards, also if the installation fails in the middle and is
// repeated.
func TestKeep(t *testing.T) {
	m, _ := live(t)
	disk := target(t, Need(m.Kit.Spec), true)
	must(t, (&Job{Medium: m, Path: disk, Config: []byte("hostname: old\n")}).Run(t.Context()))
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	size := Need(m.Kit.Spec)
	table, _, err := gpt.Read(f, size)
	must(t, err)
	data, ok := table.Rest(size, layout.Align)
	if !ok {
		t.Fatal("no room for data")
	}
	must(t, gpt.Append(f, size, data, "A2D3BB4F-5F3B-4C0E-8E6B-0D6CF0B1F9D1"))
	_, err = f.WriteAt([]byte("the cluster"), data.Start+4096)
	must(t, err)
	_ = (&Job{Medium: m, Path: disk, Config: []byte(config), Keep: true, Open: func(path string) (Device, error) {
		d, err := Open(path)
		return &bad{Device: d, failAt: 1 << 20, lose: -1}, err
	}}).Run(t.Context())
	if boots(t, m, disk) {
		t.Error("half written, and boots")
	}
	must(t, (&Job{Medium: m, Path: disk, Config: []byte(config), Keep: true}).Run(t.Context()))
	have := make([]byte, 11)
	_, err = f.ReadAt(have, data.Start+4096)
	after, _, again := gpt.Read(f, size)
	must(t, errors.Join(err, again))
	if string(have) != "the cluster" || len(after) != len(table)+1 {
		t.Errorf("%q, %v", have, after)
	}
	judged(t, m, disk)
}
