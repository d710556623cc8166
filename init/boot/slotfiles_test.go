package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
)

// disks writes a sysfs with each partition in its disk's directory, and a link to it in class/block.
func disks(t *testing.T, parts map[string]string) *Machine {
	t.Helper()
	files := map[string]string{}
	for path, name := range parts {
		files["sys/devices/"+path+"/uevent"] = "PARTNAME=" + name + "\n"
		files["sys/devices/"+path+"/partition"] = strings.TrimLeft(filepath.Base(path), "abcdefghijklmnopqrstuvwxyz") + "\n"
	}
	m, _ := machine(t, files)
	class := m.Path("/sys/class/block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	for path := range parts {
		if err := os.Symlink("../../devices/"+path, filepath.Join(class, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestSlotPartitions: the chain of a disk, and both slots' own partitions on the disk that has the boot partition, by partition number.
func TestSlotPartitions(t *testing.T) {
	m := disks(t, map[string]string{
		"card/sda/sda1": "boot", "card/sda/sda2": "boot-a", "card/sda/sda3": "boot-b", "card/sda/sda4": "state",
		"usb/sdb/sdb1": "boot", "usb/sdb/sdb2": "boot-a", "usb/sdb/sdb5": "boot-b", "ata/sdc/sdc1": "boot", "ata/sdc/sdc2": "boot-a",
	})
	for boot, want := range map[string][2]int{"/dev/sda1": {2, 3}, "/dev/sdb1": {2, 5}, "/dev/sdc1": {2}, "": {}, "/dev/gone": {}} {
		on := slot.DiskOf(m.Root, boot)
		own := on.Own(m.Root)
		if got := [2]int{own[layout.A].Number, own[layout.B].Number}; got != want || on.Chain().OwnBoot != (want[1] > 0) {
			t.Errorf("%s: %v, want %v; chain %s", boot, got, want, on.Chain().Name)
		}
	}
	if dev := slot.DiskOf(m.Root, "/dev/sda1").Own(m.Root)[layout.B].Dev; dev != m.Path("/dev/sda3") {
		t.Errorf("slot b lies on %s", dev)
	}
}

func TestMountSlot(t *testing.T) {
	m, fake := machine(t, nil)
	mount := slot.Mounts(m.Sys, m.Root, RunDir+"/boot", bootFlags, map[layout.Slot]slot.OwnPart{layout.B: {Dev: "/dev/sda3", Number: 3}})
	broken := errors.New("disk full")
	err := mount(layout.B, true, func(dir string) error {
		if dir != m.Path("/run/proa/boot-b") {
			t.Errorf("files lie in %s", dir)
		}
		fake.Calls = append(fake.Calls, "use")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("the error is lost: %v", err)
	}
	want := "mkdir /run/proa/boot-b 0700\nmount /dev/sda3 /run/proa/boot-b vfat 0xe umask=0077,utf8=1\nuse\nunmount /run/proa/boot-b 0x0\n"
	if got := fake.String(); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	fake.Calls = nil
	if err := mount(layout.B, false, func(string) error { return nil }); err != nil || !strings.Contains(fake.String(), " vfat 0xf ") {
		t.Errorf("to be read: %v, %s", err, fake)
	}
	if err := mount(layout.A, true, nil); err == nil {
		t.Error("a slot without a partition was mounted")
	}
}
