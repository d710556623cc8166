package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/sparse"
)

// installBudget is for reading the medium, writing the disk and reading it back.
const installBudget = 20 * time.Minute

// installer is a machine that was started from the ISO, with empty disks and somebody at its serial console.
type installer struct {
	*machine
	keys *os.File
	used string // the second disk
}

// fromISO is a machine with the ISO. It ends when it restarts.
func fromISO(t *testing.T, o options, sizes []int64, extra func(*machine) []string) installer {
	t.Helper()
	o.kind, o.restrict = "iso", true
	m := prepare(t, o)
	typed, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { typed.Close(); keys.Close() })
	m.spec.Typed, m.spec.NoReboot = typed, true
	for i, size := range sizes {
		disk := filepath.Join(t.TempDir(), fmt.Sprintf("target%d.img", i))
		if err := os.WriteFile(disk, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(disk, size); err != nil {
			t.Fatal(err)
		}
		m.spec.Targets = append(m.spec.Targets, disk)
	}
	if extra != nil {
		m.spec.Extra = extra(m)
	}
	i := installer{machine: m, keys: keys}
	if len(m.spec.Targets) > 1 {
		i.used = m.spec.Targets[1]
	}
	return i
}

// answer waits for a question and types the answer.
func (i installer) answer(question, answer string) {
	i.t.Helper()
	i.expect(question, bootBudget)
	i.enter(answer)
}

func (i installer) enter(lines ...string) {
	i.t.Helper()
	if _, err := i.keys.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		i.t.Fatal(err)
	}
}

// decide answers the questions before the last one: a disk by its number, and a configuration.
func (i installer) decide(disk string) {
	i.t.Helper()
	i.answer("Install on which disk?", disk)
	i.answer("Where does the configuration come from?", "1")
	i.enter("quay", i.key.Authorized, "", "")
}

// fromDisk starts the machine from a disk that was installed.
func (i installer) fromDisk(disk string) {
	i.t.Helper()
	ctx, cancel := i.Budget(context.Background(), bootBudget)
	defer cancel()
	if err := i.Wait(ctx); err != nil {
		i.t.Fatalf("the machine did not restart: %v", err)
	}
	i.spec.Medium, i.spec.Image, i.spec.Targets, i.spec.NoReboot = qemu.Disk, disk, nil, false
	i.powerOn()
	i.expect("mode=disk", bootBudget)
	i.until("proa status", "mode disk", bootBudget) // SSH has its host key
}

// TestInstall: from the ISO to a disk by the screen on the serial console, and from the disk to a good slot.
func TestInstall(t *testing.T) {
	needs(t, "install")
	for _, c := range []struct {
		name     string
		firmware qemu.Firmware
		medium   qemu.Medium
	}{{"seabios-cd", qemu.BIOS, qemu.CD}, {"ovmf-usb", qemu.UEFI, qemu.USB}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := fromISO(t, options{firmware: c.firmware, medium: c.medium}, []int64{diskSize}, nil)
			i.powerOn()
			i.expect("Press Enter to install", bootBudget)
			i.enter("")
			i.decide("1")
			i.answer("will be written to", "yes")
			i.expect("installed proa", installBudget)
			i.expect("Next:", bootBudget)
			i.enter("")
			i.fromDisk(i.spec.Targets[0])
			i.says("root", "hostname", "quay\n")
			i.untilGood(readyBudget)
			i.off()
		})
	}
}

// TestInstallStopped: Ctrl-C in the middle leaves a disk that does not boot, and the installer can be called again.
func TestInstallStopped(t *testing.T) {
	needs(t, "install")
	i := fromISO(t, options{firmware: qemu.BIOS, medium: qemu.CD}, []int64{diskSize}, nil)
	i.powerOn()
	i.expect("Press Enter to install", bootBudget)
	for _, stop := range []bool{true, false} {
		i.enter("")
		i.decide("1")
		i.answer("will be written to", "yes")
		if stop {
			i.expect("erase: ", installBudget)
			if _, err := i.keys.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
			i.expect("does not boot; run the installer again", installBudget)
			i.expect("Press Enter to install", bootBudget)
		}
	}
	i.expect("installed proa", installBudget)
	i.enter("")
	i.fromDisk(i.spec.Targets[0])
	i.off()
}

// TestInstallSilent: without anybody at the console, onto the disk that a serial number names: as a second disk says, if it
// is empty; as the ISO's own configuration says, whatever is on it. Another disk is left as it is.
func TestInstallSilent(t *testing.T) {
	needs(t, "install")
	for name, c := range map[string]struct {
		own     bool
		target  int
		refused bool
	}{"empty": {false, 2, false}, "used": {false, 1, true}, "forced": {true, 1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{firmware: qemu.UEFI, medium: qemu.CD}
			text := fmt.Sprintf("version: 1\nssh_authorized_keys: ['%%KEY%%']\nk3s: {enabled: false}\ninstall: {silent: true, force: true, device: serial=TARGET%d}\n", c.target)
			seed := func(m *machine) []string {
				return []string{medium{"cidata", map[string]string{"meta-data": "instance-id: i-1\n", "user-data": text}}.fat(m)}
			}
			if c.own {
				o.config, seed = text, nil
			}
			i := fromISO(t, o, []int64{1 << 30, diskSize, diskSize}, seed)
			photos := bytes.Repeat([]byte("photos"), 1<<16)
			writeAt(t, i.spec.Targets[1], photos, 1<<30)
			i.powerOn()
			if c.refused {
				i.expect("has something on it", bootBudget)
				i.until("proa status", "install.force is not used from here", bootBudget)
				i.off()
			} else {
				i.fromDisk(i.spec.Targets[c.target])
				i.says("root", "proa install --list >/dev/null 2>&1; echo $?", "1\n") // a disk is no medium to install from
				i.off()
			}
			if c.target != 1 || c.refused {
				i.same(photos, 1<<30)
			}
		})
	}
}

func writeAt(t *testing.T, file string, text []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(text, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// same says whether the disk TARGET1 has this text, and nothing else.
func (i installer) same(text []byte, at int64) {
	i.t.Helper()
	f, err := os.Open(i.used)
	if err != nil {
		i.t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(text))
	if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, text) {
		i.t.Errorf("the disk with photos was written to (%v)", err)
	}
	head := make([]byte, 1<<20)
	if _, err := f.ReadAt(head, 0); err != nil || !sparse.IsZero(head) {
		i.t.Errorf("the disk with photos has a new beginning (%v)", err)
	}
}
