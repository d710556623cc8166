package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/powercut"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// boots starts machines from some of the disks, written to a real image, and expects of each what the model says: that
// slot comes up, and is good in the end.
func (c recordedCuts) boots(t *testing.T, o options, sample []judgedState, up upgrader) (booted map[string]int) {
	t.Helper()
	if booted = map[string]int{}; len(sample) == 0 {
		return booted
	}
	spec, disk := c.machine(t, o)
	states := make([]powercut.State, len(sample))
	for i, s := range sample {
		states[i] = s.State
	}
	n, old := 0, 0
	err := c.run.Visit(states, func(s powercut.State, m *powercut.Image) error {
		at := sample[n]
		n++
		if at.Slot == c.From && at.phase != booting {
			old++
		}
		t.Run(fmt.Sprintf("cut-%03d", n), func(t *testing.T) {
			t.Logf("%s: %s", at.phase, s)
			back := lay(t, disk, m)
			defer back()
			c.readers(t, spec.Image, at)
			m := c.comesUp(t, o, spec, at)
			defer m.Kill()
			if at.Slot == c.From && old%repeat == 1 && !spec.Tools.NIC.Slow {
				m.repeatUpgrade(up, c.From.Other())
			}
		})
		booted[fmt.Sprintf("%s: slot %s", at.phase, at.Slot)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return booted
}

// machine returns a machine whose disk, a copy of that before the upgrade, it does not change.
func (c recordedCuts) machine(t *testing.T, o options) (qemu.Spec, *os.File) {
	t.Helper()
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
	t.Cleanup(func() { disk.Close() })
	return spec, disk
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

// repeat: after the first cut that leaves the old slot, and each so many further ones, the upgrade is made again.
const repeat = 5

// repeatUpgrade makes the upgrade that the power cut ended, as a user does: with the same commands.
func (m *machine) repeatUpgrade(up upgrader, to layout.Slot) {
	m.t.Helper()
	m.untilGood(m.bootBudget())
	m.upgradeBy(up.prepare(m, to, newer(m.t, m.slot(), "v1.3.0")), to, func(phase) {})
}

// readers has mtools read what the machine needs, and fsck.fat name what it finds: nothing in the slot that ran before.
func (c recordedCuts) readers(t *testing.T, image string, at judgedState) {
	t.Helper()
	p := find(t, c.table, layout.Boot, layout.Shared)
	m, err := slotfile.ParseManifest(c.judge.Manifests[at.Slot])
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		text, err := exec.Command(oracle.Tool(t, "mtype"), "-i", fmt.Sprintf("%s@@%d", image, p.Start), "::"+name).Output()
		if err != nil {
			t.Errorf("mtype %s: %v", name, err)
		}
		return text
	}
	if !bytes.Equal(read(layout.ConfigFile), c.judge.Config) {
		t.Errorf("mtools reads another %s", layout.ConfigFile)
	}
	for _, f := range m.Files {
		name, ok := f.For(at.Slot)
		if !ok {
			continue
		}
		path := at.Slot.Dir() + "/" + name
		if sum := fmt.Sprintf("%x", sha256.Sum256(read(path))); sum != f.SHA256 && sum != c.judge.Adapted[path] {
			t.Errorf("mtools reads another %s", path)
		}
	}
	boot := carve(t, image, filepath.Join(t.TempDir(), "boot"))
	out, _ := exec.Command(oracle.Tool(t, "fsck.fat"), "-n", boot).CombinedOutput() // that the file system is not clean is no error
	for _, line := range strings.Split(strings.ToLower(string(out)), "\n") {
		if strings.Contains(line, "/"+c.From.Dir()+"/") || strings.Contains(line, layout.ConfigFile) {
			t.Errorf("fsck.fat: %s", line)
		}
	}
}

// comesUp starts one machine, whose slot must be the one that the model says, and waits until it is good.
func (c recordedCuts) comesUp(t *testing.T, o options, spec qemu.Spec, at judgedState) *machine {
	t.Helper()
	m := &machine{t: t, own: t, options: o, spec: spec}
	text, err := os.ReadFile(c.file(keyFile))
	if err == nil {
		m.key.Signer, err = ssh.ParsePrivateKey(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.powerOn()
	for _, want := range []string{fmt.Sprintf("proa: up slot=%s mode=disk ", at.Slot), fmt.Sprintf("proa: status slot %s good", at.Slot)} {
		m.expect(want, m.bootBudget())
	}
	for _, bad := range []string{"EXT4-fs error", "HALTED", "FALLBACK"} {
		if strings.Contains(m.Console(), bad) {
			t.Errorf("the console says %q", bad)
		}
	}
	return m
}
