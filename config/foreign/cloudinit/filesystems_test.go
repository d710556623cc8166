package cloudinit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileSystems: mke2fs makes a file system on an empty device, and none where there is one already, or a partition.
func TestFileSystems(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", file).Output()
	if _, missing := exec.LookPath("mke2fs"); err != nil || missing != nil {
		t.Skipf("no loop device or no mke2fs: %v %v", err, missing)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", device).Run() })
	c, notes := sound(t, "device_aliases: {extra: "+device+"}\nfs_setup:\n- {device: extra, filesystem: ext4, label: my disk, partition: auto, overwrite: true}\n- {device: extra, filesystem: xfs}\n")
	says(t, notes, "never overwritten", "only ext4")
	uuid := func() string {
		if out, err := exec.Command("/bin/sh", "-c", c.BootCmd[0]).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, _ := exec.Command("blkid", "-p", "-o", "export", device).Output()
		return string(out)
	}
	first := uuid()
	says(t, first, "TYPE=ext4", `LABEL=my\ disk`)
	if second := uuid(); second != first {
		t.Errorf("made again: %s", second)
	}
}

func TestDevicesOfFileSystems(t *testing.T) {
	c, errors, _ := load("device_aliases: {extra: /dev/nvme0n1}\nfs_setup:\n- {device: extra.1, filesystem: ext4}\n- {device: sdb, partition: 2, filesystem: ext3}\n- {filesystem: ext4}\n")
	if says(t, errors, "without a device"); len(c.BootCmd) != 2 {
		t.Fatalf("%q", c.BootCmd)
	}
	says(t, c.BootCmd[0], "readlink -f /dev/nvme0n1p1", "-t ext4")
	says(t, c.BootCmd[1], "readlink -f /dev/sdb2", "-t ext3")
}
