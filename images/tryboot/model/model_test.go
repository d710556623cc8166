package model

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilters tests the rules of config_txt/conditional.adoc.
func TestFilters(t *testing.T) {
	const text = "# kernel=comment\nkernel=all\n[pi4]\nkernel=pi4\n[pi5]\nkernel=pi5\ninitramfs initrd followkernel\n[tryboot]\nkernel=pi5 under trial\n" +
		"[all]\narm_64bit=1\n[none]\narm_64bit=0\n[all]\n[boot_partition=3]\ncmdline=three\n[unknown]\ncmdline=unknown\n"
	for _, c := range []struct {
		board  Board
		number int
		flag   bool
		want   map[string]string
	}{
		{Pi5(), 2, false, map[string]string{"kernel": "pi5", "initramfs": "initrd followkernel", "arm_64bit": "1"}},
		{Pi5(), 3, true, map[string]string{"kernel": "pi5 under trial", "initramfs": "initrd followkernel", "arm_64bit": "1", "cmdline": "three"}},
		{Pi4(), 2, true, map[string]string{"kernel": "pi4", "arm_64bit": "1"}},
	} {
		got := Firmware{Board: c.board}.config([]byte(text), c.number, c.flag)
		delete(got, "") // empty lines
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, partition %d, flag %t: %s", c.board.Filter, c.number, c.flag, diff)
		}
	}
}

// TestLongLine: the rest of a line that is too long is ignored.
func TestLongLine(t *testing.T) {
	long := "kernel=" + string(bytes.Repeat([]byte("k"), 200))
	if got := len(settings([]byte(long), nil)["kernel"]); got != maxLine-len("kernel=") {
		t.Errorf("%d letters were read", got)
	}
}

func TestOrder(t *testing.T) {
	if diff := cmp.Diff([]int{3, 4, 5, 6, 7, 8, 0, 1, 2}, Firmware{Walk: true}.order(3)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{3}, Firmware{}.order(3)); diff != "" {
		t.Error(diff)
	}
}

// table returns a disk with GPT entries of these types; "" is an unused entry.
func table(types ...string) *bytes.Reader {
	b := make([]byte, 40*sector)
	copy(b[sector:], "EFI PART")
	binary.LittleEndian.PutUint64(b[sector+72:], 2)
	binary.LittleEndian.PutUint32(b[sector+80:], 128)
	binary.LittleEndian.PutUint32(b[sector+84:], 128)
	for i, kind := range types {
		copy(b[2*sector+128*i:], kind)
		binary.LittleEndian.PutUint64(b[2*sector+128*i+32:], uint64(100*(i+1)))
	}
	return bytes.NewReader(b)
}

// TestGPT: which partitions the bootloader searches, and which tables it may not support.
func TestGPT(t *testing.T) {
	const esp, linux = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b", "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4"
	const basic = "\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7"
	list, err := readGPT(table(esp, basic, esp, linux))
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	for n, want := range map[int]int64{0: 100, 1: 100, 2: 200, 3: 300} {
		if p, ok := list.number(n); !ok || p.start != want*sector {
			t.Errorf("partition %d: %v", n, p)
		}
	}
	if p, ok := list.number(4); ok {
		t.Errorf("a Linux partition was taken for FAT: %v", p)
	}
	if _, err := readGPT(table(esp, linux, esp)); err == nil {
		t.Error("a FAT partition behind another kind was found")
	}
	if list, err := readGPT(table(linux, esp, esp)); err != nil || list[0].number != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := readGPT(bytes.NewReader(make([]byte, 40*sector))); err == nil {
		t.Error("a disk without a table was read")
	}
}
