package tryboot_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/tryboot/model"
	"github.com/proa-os/proa/images/uboot"
)

func spec() layout.Spec {
	return layout.Spec{FirstLBA: 8192, Align: 4 * layout.MiB, BootSize: 36 * layout.MiB, SlotBootSize: 40 * layout.MiB, StateSize: layout.MiB, RootSize: layout.MiB}
}

// half is slot b after an interrupted upgrade: config.txt, which is written last, is missing.
const half = layout.Slot("half b")

var when = time.Unix(1_700_000_000, 0)

func slotOf(s layout.Slot) bootfs.New {
	content := func(what string) tree.Content { return tree.Bytes([]byte(what + " of " + string(s))) }
	return bootfs.New{Name: s, Config: []byte("# yours\n"), Slot: slotimage.Slot{Chains: chain.Rows(chain.Tryboot), ConfigTxt: tryboot.Config{Watchdog: 180},
		Kernel: tree.Bytes([]byte(strings.Repeat("kernel of "+string(s)+" ", 9000))), Initrd: content("initrd"), Words: []string{"console=tty0"},
		DTB:      map[string]tree.Content{"bcm2712-rpi-5-b.dtb": content("tree"), "bcm2711-rpi-4-b.dtb": content("tree 4")},
		Firmware: []tree.Entry{tree.File("start4.elf", 0o644, content("elf")), tree.File("overlays/README", 0o644, content("readme"))}}}
}

// image returns a disk whose slots are filled as given, and which boots a by default.
func image(t *testing.T, filled ...layout.Slot) *sparse.File {
	t.Helper()
	table, err := spec().Fit(spec().ImageSize())
	must(t, err)
	c := disk.Contents{Seed: "tryboot", When: when, SlotBoot: map[layout.Slot][]tree.Entry{}, State: uboot.Fresh(layout.A)}
	for _, f := range append(filled, layout.A) {
		s := layout.Slot(strings.TrimPrefix(string(f), "half "))
		shared, own, err := bootfs.Tryboot(table, slotOf(s))
		must(t, err)
		c.Boot = shared // files of a, which comes last
		c.SlotBoot[s] = own
		if f == half {
			c.SlotBoot[s] = slices.DeleteFunc(own, func(e tree.Entry) bool { return e.Path == tryboot.ConfigFile })
		}
	}
	if len(filled) == 0 {
		delete(c.SlotBoot, layout.A)
	}
	img := sparse.New(spec().ImageSize())
	must(t, disk.Write(img, spec().ImageSize(), table, c, nil))
	return img
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFirmwareStartsTheImage: the firmware finds the files that we write, on both models, with and without a trial
// boot.
func TestFirmwareStartsTheImage(t *testing.T) {
	img := image(t, layout.A, layout.B)
	for _, c := range []struct {
		board model.Board
		flag  bool
		slot  layout.Slot
		tree  string
	}{
		{model.Pi5(), false, layout.A, "tree of a"}, {model.Pi5(), true, layout.B, "tree of b"},
		{model.Pi4(), false, layout.A, "tree 4 of a"}, {model.Pi4(), true, layout.B, "tree 4 of b"},
	} {
		s, err := model.Firmware{Board: c.board, Disk: img}.Boot(c.flag)
		must(t, err)
		want := slotOf(c.slot)
		kernel, _ := want.Kernel.ReadAll()
		watchdog := map[bool]int{true: 180}[c.flag] // only a slot on trial has the watchdog
		if string(s.Kernel) != string(kernel) || string(s.Initrd) != "initrd of "+string(c.slot) || s.Cmdline != want.Cmdline(want.Name) || string(s.Tree) != c.tree || s.Watchdog != watchdog {
			t.Errorf("%s, flag %t: partition %d, %q, %q, %d bytes of kernel, watchdog %d", c.board.Filter, c.flag, s.Partition, s.Cmdline, s.Tree, len(s.Kernel), s.Watchdog)
		}
	}
}

// TestFirmwarePassesOver: a slot with missing files is not started, and with PARTITION_WALK the other one is.
func TestFirmwarePassesOver(t *testing.T) {
	for _, c := range []struct {
		name      string
		img       *sparse.File
		flag      bool
		stay, run string // partition that is started without and with PARTITION_WALK
	}{
		{"trial of an empty slot", image(t, layout.A), true, "-", "2"},
		{"trial of a slot that is being written", image(t, layout.A, half), true, "-", "2"},
		{"good slot, other empty", image(t, layout.A), false, "2", "2"},
		{"autoboot.txt is garbage", garbled(t, image(t, layout.A)), false, "-", "2"}, // 0 is the shared one, which has no config.txt
		{"nothing at all", image(t), false, "-", "-"},
	} {
		for walk, want := range map[bool]string{false: c.stay, true: c.run} {
			s, err := model.Firmware{Board: model.Pi5(), Disk: c.img, Walk: walk}.Boot(c.flag)
			got := string(rune('0' + s.Partition))
			if err != nil {
				got = "-"
			}
			if got != want {
				t.Errorf("%s, walk %t: starts %s, want %s (%v)", c.name, walk, got, want, err)
			}
		}
	}
}

func garbled(t *testing.T, img *sparse.File) *sparse.File {
	at, err := model.FileAt(img, 1, tryboot.AutobootFile)
	must(t, err)
	_, err = img.WriteAt(make([]byte, layout.Sector), at)
	must(t, err)
	return img
}

// TestOneSector: autoboot.txt lies within one sector, so it is overwritten by one write.
func TestOneSector(t *testing.T) {
	at, err := model.FileAt(image(t, layout.A), 1, tryboot.AutobootFile)
	if err != nil || at%layout.Sector != 0 {
		t.Errorf("at %d, %v", at, err)
	}
}

func TestToolsFindNothing(t *testing.T) {
	fsck, sgdisk := oracle.Tool(t, "fsck.fat"), oracle.Tool(t, "sgdisk")
	img := image(t, layout.A)
	name := filepath.Join(t.TempDir(), "disk.img")
	save(t, name, img, 0, spec().ImageSize())
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	if s, err := (model.Firmware{Board: model.Pi5(), Disk: f}).Boot(false); err != nil || s.Partition != 2 {
		t.Errorf("the file starts partition %d, %v", s.Partition, err)
	}
	if out, err := exec.Command(sgdisk, "-v", name).CombinedOutput(); err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command(sgdisk, "-p", name).CombinedOutput()
	if err != nil {
		t.Error(err)
	}
	var names []string
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Fields(line); len(f) == 7 && f[0] < "A" {
			names = append(names, f[0]+" "+f[6])
		}
	}
	if diff := cmp.Diff([]string{"1 boot", "2 boot-a", "3 boot-b", "4 state", "5 root-a", "6 root-b"}, names); diff != "" {
		t.Errorf("%s\n%s", diff, out)
	}
	table, _ := spec().Fit(spec().ImageSize())
	serials := map[string]bool{}
	for _, slot := range []layout.Slot{layout.Shared, layout.A, layout.B} {
		p, err := table.Find(layout.Boot, slot)
		must(t, err)
		part := filepath.Join(t.TempDir(), p.Name)
		save(t, part, img, p.Start, p.Size)
		out, err := exec.Command(fsck, "-n", "-v", part).CombinedOutput()
		if err != nil || strings.Contains(string(out), "wrong") || strings.Contains(string(out), "differ") {
			t.Errorf("%s: %v\n%s", p.Name, err, out)
		}
		head := make([]byte, 90)
		img.ReadAt(head, p.Start)
		serials[string(head[67:71])] = true
		if label := strings.TrimRight(string(head[71:82]), " "); label != p.Label {
			t.Errorf("%s is labelled %q", p.Name, label)
		}
	}
	if len(serials) != 3 {
		t.Error("two partitions have one serial number")
	}
}

func save(t *testing.T, name string, img *sparse.File, at, size int64) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	b := make([]byte, size)
	_, err = img.ReadAt(b, at)
	must(t, err)
	_, err = f.Write(b)
	must(t, errors.Join(err, f.Close()))
}

// TestModelReadsAsGoDiskfs: the model's own FAT reader finds the same files as go-diskfs.
func TestModelReadsAsGoDiskfs(t *testing.T) {
	img := image(t, layout.A, layout.B)
	table, _ := spec().Fit(spec().ImageSize())
	p, _ := table.Find(layout.Boot, layout.B)
	for _, name := range []string{"vmlinuz", "overlays/README", "bcm2712-rpi-5-b.dtb"} {
		want, err := fat.ReadFile(img, p.Start, p.Size, name)
		must(t, err)
		at, err := model.FileAt(img, p.Index, name)
		must(t, err)
		got := make([]byte, min(len(want), 512))
		img.ReadAt(got, at)
		if string(got) != string(want[:len(got)]) {
			t.Errorf("%s at %d is %.20q, want %.20q", name, at, got, want)
		}
	}
}
