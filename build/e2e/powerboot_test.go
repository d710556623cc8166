package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/powercut"
	"github.com/proa-os/proa/build/qemu"
)

// boots starts machines from some of the disks, written to a real image, and expects of each what the model says: that
// slot comes up, and is good in the end.
func (c recordedCuts) boots(t *testing.T, o options, sample []judgedState) (up map[string]int) {
	t.Helper()
	up = map[string]int{}
	spec := qemu.Spec{Tools: tools(t, o.machine()), Firmware: o.firmware, Medium: qemu.Disk, CPUs: 1, Forward: []int{sshPort},
		Dir: t.TempDir(), Console: consoleLog(t), Snapshot: true}
	spec.Image = filepath.Join(spec.Dir, "disk.img")
	if err := qemu.Copy(spec.Image, c.file(baseFile), 0); err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenFile(spec.Image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	states := make([]powercut.State, len(sample))
	for i, s := range sample {
		states[i] = s.State
	}
	n := 0
	err = c.run.Visit(states, func(s powercut.State, m *powercut.Image) error {
		at := sample[n]
		n++
		t.Run(fmt.Sprintf("cut-%03d", n), func(t *testing.T) {
			t.Logf("%s: %s", at.phase, s)
			back := lay(t, disk, m)
			defer back()
			c.comesUp(t, spec, at)
		})
		up[fmt.Sprintf("%s: slot %s", at.phase, at.Slot)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// lay writes a state over the disk as it was before the upgrade. back takes it away again.
func lay(t *testing.T, disk *os.File, m *powercut.Image) (back func()) {
	t.Helper()
	base := map[int64][]byte{}
	err := m.Differences(func(off int64, page []byte) error {
		was := make([]byte, len(page))
		if _, err := disk.ReadAt(was, off); err != nil {
			return err
		}
		base[off] = was
		_, err := disk.WriteAt(page, off)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		for off, was := range base {
			if _, err := disk.WriteAt(was, off); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// comesUp starts one machine, whose slot must be the one that the model says, and waits until it is good.
func (c recordedCuts) comesUp(t *testing.T, spec qemu.Spec, at judgedState) {
	t.Helper()
	m := &machine{t: t, own: t, spec: spec}
	m.powerOn()
	defer m.Kill()
	m.expect("proa: up ", m.bootBudget())
	for _, want := range []string{fmt.Sprintf("proa: up slot=%s mode=disk ", at.Slot), fmt.Sprintf("proa: status slot %s good", at.Slot)} {
		m.expect(want, m.bootBudget())
	}
	for _, bad := range []string{"EXT4-fs error", "HALTED", "FALLBACK"} {
		if strings.Contains(m.Console(), bad) {
			t.Errorf("the console says %q", bad)
		}
	}
}
