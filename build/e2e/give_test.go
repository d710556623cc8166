package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/init/boot"
)

// give transfers a slot file to the machine: on standard input, or, if QEMU's network adapter is slow, as a file on the
// data partition, written while the machine is off.
func (m *machine) give(s slotimage.Slot) (name string, content io.Reader) {
	m.t.Helper()
	if !m.spec.Tools.NIC.Slow {
		r, w := io.Pipe()
		go func() { w.CloseWithError(s.Write(w, nil)) }()
		return "-", r
	}
	file := filepath.Join(m.spec.Dir, "new.slot")
	if err := files.Create(file, func(f *os.File) error { return s.Write(f, nil) }); err != nil {
		m.t.Fatal(err)
	}
	m.off()
	putOnData(m.t, m.spec.Image, file)
	m.powerOn()
	m.untilGood(m.bootBudget())
	return boot.DataDir + "/new.slot", nil
}

// putOnData writes a file into the data partition of a machine that is off, over an existing file.
func putOnData(t *testing.T, image, file string) {
	t.Helper()
	p := partition(t, image, layout.Data)
	name := filepath.Base(file)
	cmd := exec.Command(oracle.Tool(t, "debugfs"), "-w", "-f", "-", fmt.Sprintf("%s?offset=%d", image, p.Start))
	cmd.Stdin = strings.NewReader("rm " + name + "\nwrite " + file + " " + name + "\nstat " + name + "\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Type: regular") {
		t.Fatalf("debugfs: %v\n%s", err, out)
	}
}

// partition returns a partition of a disk image.
func partition(t *testing.T, image string, role layout.Role) layout.Partition {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	table, _, err := gpt.Read(readOnly{f}, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	p, err := table.Find(role, layout.Shared)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
