package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
)

// TestInstallTrouble: of three disks one is too small and cannot be chosen, one has something on it and stays as it is
// when the user stops at the last question, and one fails while it is written and says so.
func TestInstallTrouble(t *testing.T) {
	needs(t, "install")
	i := fromISO(t, options{firmware: qemu.UEFI, medium: qemu.CD}, []int64{1 << 30, diskSize, diskSize}, nil)
	photos := bytes.Repeat([]byte("photos"), 1<<16)
	writeAt(t, i.used, photos, 1<<30)
	i.spec.Targets[2] = failing(t, i.spec.Targets[2])
	i.powerOn()
	i.expect("Press Enter to install", bootBudget)

	i.enter("")
	i.expect("not possible: ", bootBudget)
	i.decide("1")
	i.answer("Everything on it is lost", "no")
	i.expect("nothing was installed; no disk was changed", bootBudget)
	i.same(photos, 1<<30)

	i.expect("Press Enter to install", bootBudget)
	i.enter("")
	i.decide("2")
	i.answer("Everything on it is lost", "yes")
	i.expect("input/output error", installBudget)
	i.expect("does not boot; run the installer again", bootBudget)
	i.same(photos, 1<<30)
	i.off()
}

// failing makes a disk fail when a sector is written in the middle of the first root partition (QEMU's
// docs/devel/blkdebug).
func failing(t *testing.T, disk string) string {
	t.Helper()
	b, err := boards.Get("pc")
	if err != nil {
		t.Fatal(err)
	}
	table, err := b.Layout().Fit(diskSize)
	if err != nil {
		t.Fatal(err)
	}
	root, err := table.Find(layout.Root, layout.A)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "blkdebug.conf")
	text := fmt.Sprintf("[inject-error]\nevent = \"none\"\niotype = \"write\"\nerrno = \"5\"\nsector = \"%d\"\n", root.FirstLBA()+(64<<20)/layout.Sector)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "blkdebug:" + conf + ":" + disk
}
