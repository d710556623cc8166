package slot

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/sparse"
	entries "github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/tryboot/model"
	"github.com/proa-os/proa/images/uboot"
)

func numbers() map[layout.Slot]int { return map[layout.Slot]int{layout.A: 2, layout.B: 3} }

// slotPartition returns the directory that represents a slot's own boot partition.
func slotPartition(dir string, slot layout.Slot) string {
	return filepath.Join(dir, "boot-"+string(slot))
}

// card is an image with the offset of autoboot.txt. The machine writes to directories, like mounted partitions, which
// are copied into the image before each boot, because the firmware reads the medium.
type card struct {
	*sparse.File
	autoboot int64
}

// cards are images by which slots have a config.txt, which decides whether the firmware boots them.
var cards = gosync.OnceValue(func() map[[2]bool]card {
	all := map[[2]bool]card{}
	for _, bootable := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		img, err := newCard(bootable)
		at, err2 := model.FileAt(img, 1, tryboot.AutobootFile)
		if err := errors.Join(err, err2); err != nil {
			panic(err)
		}
		all[bootable] = card{img, at}
	}
	return all
})

func newCard(bootable [2]bool) (*sparse.File, error) {
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BootSize: fat.MinSize, SlotBootSize: fat.MinSize, StateSize: layout.MiB, RootSize: layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	c := disk.Contents{Seed: "slot", When: time.Unix(1_700_000_000, 0), SlotBoot: map[layout.Slot][]entries.Entry{}}
	for i, s := range layout.Slots() {
		file := bootfs.New{Name: s, Slot: slotimage.Slot{Chains: chain.List{tested{of: chain.Tryboot}.row()},
			Kernel: entries.Bytes([]byte("kernel")), Initrd: entries.Bytes([]byte("initrd")),
			DTB: map[string]entries.Content{"bcm2712-rpi-5-b.dtb": entries.Bytes([]byte("tree"))}}}
		shared, own, err2 := bootfs.Tryboot(table, file)
		err = errors.Join(err, err2)
		c.Boot, c.SlotBoot[s] = shared, slices.DeleteFunc(own, func(e entries.Entry) bool { return e.Path == tryboot.ConfigFile && !bootable[i] })
	}
	img := sparse.New(spec.ImageSize())
	return img, errors.Join(err, disk.Write(img, spec.ImageSize(), table, c, nil))
}

func freshTryboot(t *testing.T, dir string) {
	write(t, filepath.Join(dir, "state"), uboot.Fresh(layout.A))
	text, err := tryboot.Choice{Default: 2, Try: 3}.Text()
	must(t, err)
	write(t, filepath.Join(dir, tryboot.AutobootFile), text)
	for _, s := range layout.Slots() {
		write(t, filepath.Join(slotPartition(dir, s), tryboot.ConfigFile), []byte("kernel=vmlinuz\n"))
	}
}

// firmware boots the card with or without the trial flag. A boot that fails clears the flag, and the firmware resets
// after the error pattern.
func firmware(t *testing.T, dir string, flag bool) layout.Slot {
	t.Helper()
	var bootable [2]bool
	for i, s := range layout.Slots() {
		_, err := os.Stat(filepath.Join(slotPartition(dir, s), tryboot.ConfigFile))
		bootable[i] = err == nil
	}
	c := cards()[bootable]
	text, _ := os.ReadFile(filepath.Join(dir, tryboot.AutobootFile))
	_, err := c.WriteAt(append(text, make([]byte, layout.Sector-len(text))...), c.autoboot)
	must(t, err)
	machine := model.Firmware{Board: model.Pi5(), Disk: c, Walk: !healthy(text)}
	for _, flag := range []bool{flag, false} {
		if s, err := machine.Boot(flag); err == nil {
			slot, err := layout.ParseSlot(strings.TrimPrefix(s.Cmdline, "proa.mode=disk proa.slot="))
			must(t, err)
			return slot
		}
	}
	t.Fatalf("the firmware starts nothing; autoboot.txt is %q, slots bootable: %v", text, bootable)
	return layout.Shared
}

// healthy: only if autoboot.txt is lost completely may a boot need PARTITION_WALK, which older bootloaders lack.
func healthy(text []byte) bool { _, err := tryboot.Parse(text); return err == nil }

// bootTryboot boots after a power cut, up to the slot whose services start: PID 1 of the good slot requests the trial.
func bootTryboot(t *testing.T, c tested, dir string) layout.Slot {
	return startTryboot(t, c, dir, false)
}

func startTryboot(t *testing.T, c tested, dir string, flag bool) layout.Slot {
	t.Helper()
	for range 2 * bootstate.MaxTries {
		slot := firmware(t, dir, flag)
		again, err := c.open(t, dir, slot).(Trier).Rearm()
		if err != nil && !strings.Contains(err.Error(), "uboot: ") { // both copies of the state are damaged: the slot runs
			t.Fatal(err)
		}
		if !again {
			return slot
		}
		flag = true
	}
	t.Fatal("restarts for ever")
	return layout.Shared
}

// restartTryboot boots after a restart, for which the running slot passes the argument.
func restartTryboot(t *testing.T, c tested, dir string) layout.Slot {
	t.Helper()
	running, flag := filepath.Join(dir, "running"), false
	if b, err := os.ReadFile(running); err == nil {
		flag, err = c.open(t, dir, layout.Slot(b)).(Trier).Arm()
		must(t, err)
	}
	slot := startTryboot(t, c, dir, flag)
	write(t, running, []byte(slot))
	return slot
}

// TestLostFlag: if the flag of a restart is lost, because of a power cut or because the kernel dropped it, only a try
// is lost.
func TestLostFlag(t *testing.T) {
	c, dir := pairs()[2], t.TempDir()
	c.fresh(t, dir)
	c.boot(t, c, dir)
	must(t, c.open(t, dir, layout.A).Good())
	must(t, c.open(t, dir, layout.A).Try())
	for left := bootstate.MaxTries; left > 0; left-- {
		s := c.open(t, dir, firmware(t, dir, false))
		again, err := s.(Trier).Rearm()
		if !again || err != nil || s.Current() != layout.A || s.(Trier).Fallback().String() != map[bool]string{true: "b:3"}[left == 1] {
			t.Fatalf("%d left: again %t, %v, slot %s, fallback %q", left, again, err, s.Current(), s.(Trier).Fallback().String())
		}
	}
	s := c.open(t, dir, firmware(t, dir, false))
	again, err := s.(Trier).Rearm()
	if again || err != nil || s.(Trier).Fallback().String() != "b:3" || s.(Trier).Restart() != "0 tryboot" {
		t.Errorf("no tries left: again %t, %v, fallback %q", again, err, s.(Trier).Fallback().String())
	}
	must(t, s.Good())
	if f := s.(Trier).Fallback().String(); f != "b:3" {
		t.Errorf("the other slot's trial is not this one's to forget: fallback %q", f)
	}
}

// TestFirstSlotIsNeverLeft: there is nothing to come back to from a trial of the other one, which is empty.
func TestFirstSlotIsNeverLeft(t *testing.T) {
	for _, c := range pairs()[2:] {
		dir := t.TempDir()
		c.fresh(t, dir)
		if got := boots(t, c, dir); got != "aaaaa" {
			t.Errorf("%s: a new image whose slot is not found good: boots go %s", c.name, got)
		}
		if on, left, err := c.open(t, dir, layout.A).Trial(); !on || left != 0 || err != nil {
			t.Errorf("%s: trial %t, left %d, %v", c.name, on, left, err)
		}
	}
}

// TestAutobootHeals: without autoboot.txt PARTITION_WALK boots a slot; Good and Try write the file again.
func TestAutobootHeals(t *testing.T) {
	for _, text := range []string{"", "boot_partition=3\n", strings.Repeat("x", 600), "[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=3\n"} {
		for name, change := range map[string]func(Slots) error{"good": Slots.Good, "try": Slots.Try} {
			c, dir := pairs()[2], t.TempDir()
			c.fresh(t, dir)
			c.boot(t, c, dir)
			must(t, c.open(t, dir, layout.A).Good())
			write(t, filepath.Join(dir, tryboot.AutobootFile), []byte(text))
			must(t, change(c.open(t, dir, layout.A)))
			got, err := os.ReadFile(filepath.Join(dir, tryboot.AutobootFile))
			if want, _ := (tryboot.Choice{Default: 2, Try: 3}).Text(); string(got) != string(want) || err != nil {
				t.Errorf("%.20q, %s: %q, %v", text, name, got, err)
			}
		}
	}
}

// TestOrder: autoboot.txt, which makes a slot good, is written first; and a counted try is flushed before its restart.
func TestOrder(t *testing.T) {
	c, dir := pairs()[2], t.TempDir()
	c.fresh(t, dir)
	histories()[2].make(t, c, dir)
	steps := func(slot layout.Slot, change func(Slots) error) string {
		var list []string
		must(t, change(c.openCut(dir, slot, func(what string) error { list = append(list, what); return nil })))
		return strings.Join(list, "; ")
	}
	arm := func(s Slots) error { _, err := s.(Trier).Arm(); return err }
	if d := cmp.Diff("flush state; write state 1; flush state", steps(layout.B, arm)); d != "" {
		t.Error(d)
	}
	want := "flush autoboot.txt; write autoboot.txt; flush autoboot.txt; flush state; write state 0; flush state; " +
		"write new.tmp; flush new.tmp; rename new.tmp proved; flush boot-b; flush boot-b"
	if d := cmp.Diff(want, steps(layout.B, Slots.Good)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("", steps(layout.B, arm)); d != "" {
		t.Error(d)
	}
}

func TestKernelTells(t *testing.T) {
	for text, want := range map[string]bool{
		"0000000000000000 T rpi_firmware_property\n0000000000000000 t rpi_firmware_notify_reboot\n": true,
		"0000000000000000 t proa_tryboot_notify\t[proa_tryboot]\n":                                  true,
		"0000000000000000 T rpi_firmware_property\n":                                                false, "": false,
		"0000000000000000 t not_rpi_firmware_notify_reboot\n": false,
	} {
		file := filepath.Join(t.TempDir(), "kallsyms")
		write(t, file, []byte(text))
		if err := KernelTells(file)(); (err == nil) != want || err != nil && !errors.Is(err, ErrKernel) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := KernelTells(filepath.Join(t.TempDir(), "none"))(); !errors.Is(err, ErrKernel) {
		t.Error(err)
	}
	c, dir := pairs()[2], t.TempDir()
	c.fresh(t, dir)
	c.boot(t, c, dir)
	must(t, c.open(t, dir, layout.A).Good())
	b := c.where(dir)
	b.CanTry = func() error { return ErrKernel }
	s, err := Find(b, layout.A)
	must(t, err)
	if err := s.Try(); !errors.Is(err, ErrKernel) {
		t.Errorf("a trial the firmware will not hear of: %v", err)
	}
	if got := boots(t, c, dir); got != "aaaaa" {
		t.Errorf("after it boots go %s", got)
	}
}
