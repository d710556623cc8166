package e2e

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
)

// TestTornName: a power cut has kept the second half of a name that lay in two sectors of the boot partition, so that the
// directory of slot a goes on behind its end. Linux adds no file to such a directory. The machine clears that, and its slot
// becomes good, for which a file is added there.
func TestTornName(t *testing.T) {
	needs(t, "ci")
	t.Parallel()
	m := prepare(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, cpus: 1, config: gateConfig})
	tear(t, m.spec.Image)
	m.powerOn()
	m.expect("a power cut left names behind the end of /slots/a; they are removed", bootBudget)
	m.untilGood(m.bootBudget())
	if strings.Contains(m.Console(), "allocated dir entry found after end-of-directory marker") {
		t.Error("Linux finds it nevertheless")
	}
	m.off()
	cleanDisk(t, m.spec.Image)
}

// tear adds an entry behind the first free one in the directory of slot a.
func tear(t *testing.T, image string) {
	t.Helper()
	_, p := bootPartition(t, image)
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	boot := make([]byte, p.Size)
	if _, err := f.ReadAt(boot, p.Start); err != nil {
		t.Fatal(err)
	}
	const entry = 32
	for at := 0; at < len(boot); at += layout.Sector {
		sector := boot[at:][:layout.Sector]
		kernel := bytes.Index(sector, []byte("VMLINUZ    "))
		if !bytes.HasPrefix(sector, []byte(".          ")) || kernel < 0 {
			continue
		}
		for i := kernel; i < layout.Sector-entry; i += entry {
			if sector[i] == 0 {
				stray := append([]byte("STRAY   TMP"), make([]byte, entry-11)...) // an empty file
				if _, err := f.WriteAt(stray, p.Start+int64(at+i+entry)); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
	}
	t.Fatal("the directory of slot a is not in one sector")
}
