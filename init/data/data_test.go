package data

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
)

func TestPartitionName(t *testing.T) {
	for want, disk := range map[string]string{"vda5": "vda", "nvme0n1p5": "nvme0n1", "mmcblk0p5": "mmcblk0"} {
		if got := PartitionName(disk, 5); got != want {
			t.Errorf("%s: %s", disk, got)
		}
	}
}

func TestOurs(t *testing.T) {
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 64 * layout.MiB, RootSize: 64 * layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := ours(table); err != nil {
		t.Errorf("our own table: %v", err)
	}
	if err := ours(append(table, layout.Partition{Index: 7, Name: "Basic data partition"})); err == nil {
		t.Error("a stranger's partition on the disk")
	}
	if err := ours(table[:2]); err == nil {
		t.Error("a table without roots")
	}
}

func TestInspect(t *testing.T) {
	dev := filepath.Join(t.TempDir(), "dev")
	image := make([]byte, 8192)
	write := func() { os.WriteFile(dev, image, 0o644) }
	write()
	if got, err := inspect(dev); got != empty || err != nil {
		t.Errorf("zeros: %v %v", got, err)
	}
	image[1024+0x38], image[1024+0x39] = 0x53, 0xef
	write()
	if got, err := inspect(dev); got != ext4 || err != nil {
		t.Errorf("ext4: %v %v", got, err)
	}
	image[1024+0x38] = 1
	write()
	if _, err := inspect(dev); err == nil {
		t.Error("something else would have been formatted")
	}
}

// TestCheck: what e2fsck's exit codes lead to.
func TestCheck(t *testing.T) {
	exit := func(code int) error { return &proc.ExitError{Name: "e2fsck", Code: code, Said: "x"} }
	for _, c := range []struct {
		preen, full error
		runs        int
		ok          bool
	}{
		{nil, nil, 1, true},
		{exit(1), nil, 1, true},
		{exit(4), exit(1), 2, true},
		{exit(4), exit(4), 2, false},
		{exit(8), exit(8), 2, false},
		{context.Canceled, nil, 1, false},
	} {
		f := &sys.Fake{Fail: map[string]error{}}
		if c.preen != nil {
			f.Fail["e2fsck -p"] = c.preen
		}
		if c.full != nil {
			f.Fail["e2fsck -y"] = c.full
		}
		err := Disk{Sys: f, Logf: t.Logf}.check(t.Context(), "/dev/vda5")
		if (err == nil) != c.ok || len(f.Calls) != c.runs {
			t.Errorf("%v/%v: %v, %q", c.preen, c.full, err, f.Calls)
		}
	}
}

func TestFormatNamesTheLabel(t *testing.T) {
	f := &sys.Fake{}
	if err := (Disk{Sys: f, Logf: t.Logf}).format(t.Context(), "/dev/vda5"); err != nil || !strings.Contains(f.String(), "mkfs.ext4 -F -q -L proa-data") {
		t.Errorf("%v %s", err, f)
	}
}
