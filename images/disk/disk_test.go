package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

func pc() layout.Spec {
	return layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, RootSize: 8 * layout.MiB}
}

func contents() Contents {
	root := append(bytes.Repeat([]byte{0}, layout.MiB), bytes.Repeat([]byte("root"), 1024)...)
	return Contents{
		Seed: "test", When: time.Unix(1_700_000_000, 0), Root: map[layout.Slot]tree.Content{layout.A: tree.Bytes(root)},
		Boot: []tree.Entry{tree.File("config.yaml", 0o644, tree.Bytes([]byte("# yours\n")))},
		GRUB: &GRUB{BootImg: bytes.Repeat([]byte{0xb1}, 512), CoreImg: bytes.Repeat([]byte{0xc1}, 1300)},
	}
}

func write(t *testing.T, c Contents) (*sparse.File, layout.Table) {
	t.Helper()
	size := pc().ImageSize()
	table, err := pc().Fit(size)
	if err != nil {
		t.Fatal(err)
	}
	img := sparse.New(size)
	if err := Write(img, size, table, c, nil); err != nil {
		t.Fatal(err)
	}
	return img, table
}

func TestEverythingIsInItsPlace(t *testing.T) {
	c := contents()
	img, table := write(t, c)
	got, ids, err := gpt.Read(img, pc().ImageSize())
	if err != nil || len(got) != 4 || ids.Disk != gpt.DeriveGUID("test", "disk") {
		t.Fatalf("%v, %v, %v", got, ids, err)
	}
	boot, _ := table.Find(layout.Boot, layout.A)
	if data, err := fat.ReadFile(img, boot.Start, boot.Size, "config.yaml"); err != nil || string(data) != "# yours\n" {
		t.Errorf("config.yaml: %q, %v", data, err)
	}
	want, _ := c.Root[layout.A].ReadAll()
	root, _ := table.Find(layout.Root, layout.A)
	data := make([]byte, len(want))
	if _, err := img.ReadAt(data, root.Start); err != nil || !bytes.Equal(data, want) {
		t.Errorf("root-a differs, %v", err)
	}
}

func TestSameInputSameBytesOtherSeedOtherBytes(t *testing.T) {
	sum := func(c Contents) [32]byte {
		img, _ := write(t, c)
		data := make([]byte, pc().ImageSize())
		if _, err := img.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(data)
	}
	other := contents()
	other.Seed = "other"
	if sum(contents()) != sum(contents()) {
		t.Error("two runs differ")
	}
	if sum(contents()) == sum(other) {
		t.Error("another seed makes the same image")
	}
}

func TestState(t *testing.T) {
	spec, c := pc(), contents()
	spec.StateSize, c.State = layout.MiB, []byte("state")
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	img := sparse.New(spec.ImageSize())
	if err := Write(img, spec.ImageSize(), table, c, nil); err != nil {
		t.Fatal(err)
	}
	p, got := table[2], make([]byte, 6)
	if _, err := img.ReadAt(got, p.Start); err != nil || string(got) != "state\x00" || p.Role != layout.State {
		t.Errorf("%v begins with %q, %v", p, got, err)
	}
	c.State = make([]byte, layout.MiB+1)
	if err := Write(sparse.New(spec.ImageSize()), spec.ImageSize(), table, c, nil); err == nil {
		t.Error("too much state was accepted")
	}
}

func TestBootCode(t *testing.T) {
	img, table := write(t, contents())
	p, _ := table.Find(layout.BIOS, layout.Shared)
	mbr, core := make([]byte, 512), make([]byte, 1300)
	img.ReadAt(mbr, 0)
	img.ReadAt(core, p.Start)
	le := binary.LittleEndian
	if le.Uint64(mbr[0x5c:]) != 2048 || mbr[0x64] != 0xff || mbr[0x66] != 0x90 || mbr[0x67] != 0x90 || mbr[439] != 0xb1 {
		t.Errorf("MBR code: % x", mbr[0x58:0x70])
	}
	if mbr[440] != 0 || mbr[450] != 0xee || mbr[510] != 0x55 || mbr[511] != 0xaa {
		t.Errorf("protective MBR: % x", mbr[440:])
	}
	if le.Uint64(core[0x1f4:]) != 2049 || le.Uint16(core[0x1fc:]) != 2 || le.Uint16(core[0x1fe:]) != 0x820 || core[0x200] != 0xc1 {
		t.Errorf("core block list: % x", core[0x1f4:0x204])
	}
}

func TestGRUBArgs(t *testing.T) {
	_, table := write(t, contents())
	args, err := GRUBArgs(table)
	if err != nil || !slices.Contains(args, "(,gpt2)/grub") || !slices.Contains(args, "regexp") {
		t.Errorf("%q, %v", args, err)
	}
}

func TestProgress(t *testing.T) {
	var last, total int64
	c := contents()
	table, _ := pc().Fit(pc().ImageSize())
	if err := Write(sparse.New(pc().ImageSize()), pc().ImageSize(), table, c, func(done, all int64) {
		if done < last {
			t.Errorf("progress goes back from %d to %d", last, done)
		}
		last, total = done, all
	}); err != nil {
		t.Fatal(err)
	}
	if last != total || total != c.Root[layout.A].Size {
		t.Errorf("ended at %d of %d", last, total)
	}
}

func TestRefusals(t *testing.T) {
	for name, change := range map[string]func(*Contents){
		"root":     func(c *Contents) { c.Root[layout.B] = tree.Bytes(make([]byte, 9*layout.MiB)) },
		"boot.img": func(c *Contents) { c.GRUB.BootImg = nil },
		"core.img": func(c *Contents) { c.GRUB.CoreImg = make([]byte, 2*layout.MiB) },
		"state":    func(c *Contents) { c.State = []byte("of a board that has no partition for it") },
		"spare":    func(c *Contents) { c.Raw = []Raw{{At: layout.MiB - 65*512 - 99, Bytes: make([]byte, 100)}} }, // the partition table is here while it changes
		"slot":     func(c *Contents) { c.SlotBoot = map[layout.Slot][]tree.Entry{layout.A: nil} },                // a slot's boot partition on a board without them
		"boot":     func(c *Contents) { c.Boot[0].Content = tree.Bytes(bytes.Repeat([]byte{1}, 41*layout.MiB)) },
	} {
		c := contents()
		change(&c)
		table, _ := pc().Fit(pc().ImageSize())
		if err := Write(sparse.New(pc().ImageSize()), pc().ImageSize(), table, c, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSgdiskFindsNothing(t *testing.T) {
	bin := oracle.Tool(t, "sgdisk")
	img, _ := write(t, contents())
	name := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(pc().ImageSize()); err != nil {
		t.Fatal(err)
	}
	if err := img.CopyTo(f, 0); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, "-v", name).CombinedOutput(); err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("%v\n%s", err, out)
	}
}
