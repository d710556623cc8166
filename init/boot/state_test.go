package boot

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/init/slot"
)

// TestStatePartition: the state partition is on the disk that has the boot partition, not on another disk with proa.
func TestStatePartition(t *testing.T) {
	const dev = "sys/devices/"
	m, _ := machine(t, map[string]string{
		dev + "mmc/block/mmcblk0/mmcblk0p1/uevent": "PARTNAME=boot\n",
		dev + "mmc/block/mmcblk0/mmcblk0p2/uevent": "PARTNAME=state\n",
		dev + "ata/block/sda/sda2/uevent":          "PARTNAME=state\n",
		dev + "usb/block/sdb/sdb1/uevent":          "PARTNAME=boot\n",
	})
	class := m.Path("/sys/class/block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"mmc/block/mmcblk0/mmcblk0p1", "mmc/block/mmcblk0/mmcblk0p2", "ata/block/sda/sda2", "usb/block/sdb/sdb1"} {
		if err := os.Symlink("../../devices/"+part, filepath.Join(class, filepath.Base(part))); err != nil {
			t.Fatal(err)
		}
	}
	for boot, want := range map[string]string{"/dev/mmcblk0p1": "mmcblk0p2", "/dev/sdb1": "", "": "", "/dev/gone": ""} {
		on := slot.DiskOf(m.Root, boot)
		if got := on.Part("state"); got != want || (on.Chain().Name == chain.UBoot) != (want != "") {
			t.Errorf("boot partition %q: state on %q, want %q", boot, got, want)
		}
	}
}
