package disks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/disks/fixture"
)

func read(t *testing.T, machine string) *System {
	t.Helper()
	s, err := Read(fixture.Unpack(t, "testdata/"+machine+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func find(t *testing.T, s *System, name string) Disk {
	t.Helper()
	target, err := s.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return target.Disk
}

func TestIdentity(t *testing.T) {
	laptop, pi := read(t, "laptop"), read(t, "pi")
	for _, c := range []struct {
		s                   *System
		name                string
		model, serial, bus  string
		size                int64
		removable, readOnly bool
	}{
		{laptop, "nvme0n1", "Samsung SSD 980 500GB", "S64DNF0R123456A", "nvme", 512110190592, false, false},
		{laptop, "sda", "CT1000MX500SSD1", "", "sata", 1000204886016, false, false},
		{laptop, "sdb", "SanDisk Ultra Fit", "4C530001230101115F21", "usb", 30752000000, true, false},
		{laptop, "sdc", "Generic- SD/MMC", "", "usb", 0, true, false},
		{laptop, "sdf", "", "", "usb", 4000787030016, true, false}, // a USB enclosure that claims not to be removable
		{pi, "mmcblk0", "SC32G", "0x1a2b3c4d", "sd", 31914983424, true, false},
		{pi, "mmcblk1", "BJTD4R", "", "emmc", 31268536320, true, false},
		{pi, "sdc", "", "", "usb", 31914983424, true, true},
	} {
		d := find(t, c.s, c.name)
		got := []any{d.Model, d.Serial, d.Bus, d.Size, d.Removable, d.ReadOnly}
		if diff := cmp.Diff([]any{c.model, c.serial, c.bus, c.size, c.removable, c.readOnly}, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	want := []Part{{"sdb1", "8:17", 589824 * 512, "vfat PROA-BOOT"}, {"sdb2", "8:18", 59000000 * 512, "holiday"}}
	if diff := cmp.Diff(want, find(t, laptop, "sdb").Parts); diff != "" {
		t.Error(diff)
	}
}

// Every refusal, with the most important reason.
func TestRefusals(t *testing.T) {
	const need = 1 << 30
	systems := map[string]*System{"laptop": read(t, "laptop"), "pi": read(t, "pi")}
	for _, c := range []struct {
		machine, name string
		need          int64
		force         bool
		want          string // empty: accepted
	}{
		{"laptop", "sdd", need, false, ""},
		{"laptop", "sdd", 16 << 30, true, "sdd has 14.8 GiB, the image needs 16.0 GiB"},
		{"laptop", "nvme0n1", need, true, "nvme0n1 holds the running system: nvme0n1p1 mounted on /boot, " +
			"nvme0n1p2 → dm-0 (cryptroot) → dm-1 (vg0-root) mounted on /, nvme0n1p2 → dm-0 (cryptroot) → dm-2 (vg0-swap) swap"},
		{"laptop", "sda", need, true, "sda is in use: sda1 part of dm-3 (vg1-old)\nhint: close that first"},
		{"laptop", "sdb", need, true, "sdb is in use: sdb2 mounted on /media/you/my stick\nhint: umount '/media/you/my stick'"},
		{"laptop", "sdc", need, true, "sdc has no medium"},
		{"laptop", "sde", need, true, "sde is in use: sde part of loop0\n"},
		{"laptop", "sdf", need, true, "sdf has sectors of 4096 bytes; images are made for 512"},
		{"laptop", "sdg", need, false, "sdg is built in, not removable; --force"},
		{"laptop", "sdg", need, true, ""},
		{"laptop", "dm-1", need, true, "dm-1 is made of other disks"},
		{"laptop", "zram0", need, true, "zram0 is memory"},
		{"laptop", "sr0", need, true, "sr0 is a CD drive"},
		{"pi", "mmcblk0", need, true, "mmcblk0 holds the running system: mmcblk0p1 mounted on /boot/firmware, mmcblk0p2 mounted on /"},
		{"pi", "mmcblk1", need, false, ""},
		{"pi", "mmcblk1boot0", need, true, "mmcblk1boot0 is a special area of an eMMC"},
		{"pi", "sda", need, true, "sda is in use: sda mounted on /srv/media"},
		{"pi", "sdb", need, true, "sdb is in use: sdb part of a mounted btrfs"},
		{"pi", "sdc", need, true, "sdc is write-protected"},
	} {
		err := find(t, systems[c.machine], c.name).Refuse(c.need, c.force)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s %s: %v; want %q", c.machine, c.name, err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	s := read(t, "laptop")
	dir := t.TempDir()
	file := filepath.Join(dir, "disk.img")
	empty := filepath.Join(dir, "empty")
	if err := errors.Join(os.WriteFile(file, make([]byte, 1000), 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"sdb1":           "sdb1 is a partition; an image takes a whole disk: sdb",
		"/dev/nvme0n1p2": "nvme0n1p2 is a partition; an image takes a whole disk: nvme0n1",
		"sdz":            "there is no disk sdz",
		dir:              dir + " is neither a disk nor a regular file",
		"/dev/null":      "/dev/null is neither a disk nor a regular file",
		empty:            empty + " is empty\nhint: `truncate -s 8G " + empty + "` makes it as large as a disk",
	} {
		if _, err := s.Find(arg); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %q", arg, err, want)
		}
	}
	for _, arg := range []string{"sdd", "/dev/sdd"} {
		if target, err := s.Find(arg); err != nil || target.Disk.Name != "sdd" || target.File || target.Path != filepath.Join(s.root, "dev/sdd") {
			t.Errorf("%s: %+v, %v", arg, target, err)
		}
	}
	target, err := s.Find(file)
	if err != nil || !target.File || target.Path != file || target.Disk.Size != 1000 || target.Disk.Refuse(1000, false) != nil {
		t.Errorf("%s: %+v, %v", file, target, err)
	}
}

// The disks of the host that runs the test can be read, and the system disk is not offered.
func TestThisHost(t *testing.T) {
	if _, err := os.Stat("/sys/block"); err != nil {
		t.Skip(err)
	}
	s, err := Read("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Disks {
		for _, u := range d.Uses {
			if u.Mount == "/" && d.Refuse(0, true) == nil {
				t.Errorf("%s may be written to: %v", d.Name, u)
			}
		}
	}
}
