package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

// gateConfig is a node without Kubernetes and with SSH for the test; more keys may follow.
const gateConfig = "version: 1\nk3s: {enabled: false}\nssh_authorized_keys: ['%KEY%']\n"

// boxTells: the first boot of an image is a trial. It has marked itself good and written a black box that says so, into
// a file system that was never mounted writable for it.
func boxTells(t *testing.T, m *machine) {
	t.Helper()
	if strings.Contains(m.Console(), "black box:") {
		t.Error("the box could not be written")
	}
	b, records := boxOf(t, m.spec.Image), 0
	for _, r := range b {
		if r != nil {
			records++
		}
	}
	if rep := b.Report(layout.A); records < 2 || !rep.Empty() {
		t.Errorf("%d records: %v", records, rep)
	}
	cleanDisk(t, m.spec.Image)
}

// TestHangingTrial: PID 1 freezes in the middle of its steps. The hardware watchdog resets the machine, and the next
// boot reports the step. The user's own write_files does it, so the image has no test code: PID 1 writes itself into
// the freezer cgroup.
func TestHangingTrial(t *testing.T) {
	needs(t, "ci")
	t.Parallel()
	m := prepare(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, cpus: 1,
		config: gateConfig + "write_files: [{path: /sys/fs/cgroup/proa/init/cgroup.freeze, content: '1'}]\n"})
	m.pressStart()
	m.expect("user-modules ok", bootBudget)
	m.expect("TRIAL try 1 reached: stage2 write-files (started at ", bootBudget)
	m.Kill()
	if rep := boxOf(t, m.spec.Image).Report(layout.A); rep.Tries != 2 || len(rep.Left) != 2 {
		t.Errorf("the box tells %+v", rep)
	}
	boot := filepath.Join(t.TempDir(), "boot")
	if out, err := exec.Command(oracle.Tool(t, "fsck.fat"), "-n", carve(t, m.spec.Image, boot)).CombinedOutput(); err != nil {
		t.Errorf("after two starts that were cut off: %v\n%s", err, out)
	}
}

// boxOf reads the black box of a disk.
func boxOf(t *testing.T, image string) blackbox.Box {
	t.Helper()
	f, p := bootPartition(t, image)
	text, err := fat.ReadFile(readOnly{f}, p.Start, p.Size, blackbox.File)
	if err != nil {
		t.Fatal(err)
	}
	return blackbox.Parse(text)
}

func bootPartition(t *testing.T, image string) (*os.File, layout.Partition) {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	table, _, err := gpt.Read(readOnly{f}, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f, find(t, table, layout.Boot, layout.Shared)
}

// carve copies the boot partition from a disk to a file.
func carve(t *testing.T, image, to string) string {
	t.Helper()
	_, p := bootPartition(t, image)
	args := fmt.Sprintf("if=%s of=%s bs=1M iflag=skip_bytes,count_bytes skip=%d count=%d conv=sparse", image, to, p.Start, p.Size)
	if out, err := exec.Command("dd", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return to
}
