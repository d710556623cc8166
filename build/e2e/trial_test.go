package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
)

// neverReady configures a node whose server does not answer; a server itself may be Ready before the shortest deadline.
const neverReady = "k3s.enabled=true k3s.role=agent k3s.server_url=https://127.0.0.1:1 k3s.token=abc"

// TestLateTrial: slot b boots, but its node is not Ready by the deadline. It restarts itself, systemd-boot boots slot
// a, and slot a reports why.
func TestLateTrial(t *testing.T) {
	needs(t, "ci")
	t.Parallel()
	m := start(t, options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, config: gateConfig, cpus: 1})
	m.untilGood(bootBudget)
	m.off()
	lastTry(t, m.spec.Image, "proa-a.conf", func(cmdline string) string { return cmdline + " health.deadline=1m " + neverReady })
	m.pressStart()
	m.expect("proa: up slot=b ", bootBudget)
	m.expect("slot b not good after 1m0s: node Ready: ", readyBudget)
	m.expect("reboot: Restarting system", bootBudget)
	fellBack(t, m, "try 3 reached: health: node Ready (failed: ")
	m.off()
	cleanDisk(t, m.spec.Image)
}

// TestBrokenTrial: slot b's root does not match the root hash in its boot entry. Its last try fails in the initramfs,
// and GRUB boots slot a.
func TestBrokenTrial(t *testing.T) {
	needs(t, "ci")
	t.Parallel()
	m := prepare(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, config: gateConfig, cpus: 1})
	lastTry(t, m.spec.Image, "proa-a+3.conf", func(cmdline string) string {
		return strings.Replace(cmdline, "proa.roothash=", "proa.roothash="+strings.Repeat("0", 64)+" was=", 1)
	})
	m.pressStart()
	m.expect("HALTED boot: find-slot: ", bootBudget)
	fellBack(t, m, "try 3 reached: stage1 find-slot (failed: ")
}

// fellBack checks that slot a runs, and that console and status report on slot b.
func fellBack(t *testing.T, m *machine, reached string) {
	t.Helper()
	m.expect("FALLBACK slot b was given up after 3 tries; it reached: ", bootBudget)
	m.expect("FALLBACK try 2 never reached PID 1 (kernel or initramfs)", bootBudget)
	m.expect("FALLBACK "+reached, bootBudget)
	m.expect("proa: up slot=a ", bootBudget)
	m.until("proa status", "FALLBACK   slot b was given up after 3 tries", bootBudget)
	if text := unfolded(m.run("proa status", nil)); !strings.Contains(text, reached) || !strings.Contains(text, "slot a, mode disk, good") {
		t.Errorf("no %q in\n%s", reached, text)
	}
	if text := m.run("proa status --json; mount | grep /boot", nil); !strings.Contains(text, `"given_up": true`) || !strings.Contains(text, "(ro,") {
		t.Error(text)
	}
}

// lastTry fills slot b of a disk with the content of slot a, except for the command line, and puts it on trial with one
// try left: in GRUB's state and as systemd-boot's entry, so that it works with either firmware. entry is the name of
// slot a's.
func lastTry(t *testing.T, image, entry string, change func(string) string) {
	t.Helper()
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, _, err := gpt.Read(f, diskSize)
	if err != nil { // on a machine that has not run yet the table ends where the image ends
		if table, _, err = gpt.Read(f, imageSize(t, options{kind: "img"})); err != nil {
			t.Fatal(err)
		}
	}
	copyRoot(t, f, table)
	boot := find(t, table, layout.Boot, layout.Shared)
	read := func(name string) []byte {
		text, err := fat.ReadFile(f, boot.Start, boot.Size, name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	e, err := sdboot.ParseEntry(read(sdboot.Dir + "/" + entry))
	if err != nil {
		t.Fatal(err)
	}
	e.Slot, e.Sequence, e.Cmdline = layout.B, e.Sequence+1, change(strings.Replace(e.Cmdline, "proa.slot=a", "proa.slot=b", 1))
	state := grubenv.Encode(bootstate.State{Good: layout.A, Try: layout.B, Left: 1})
	name := sdboot.Name{Slot: layout.B, Counted: true, Left: 1, Done: 2}
	for name, text := range map[string][]byte{
		"slots/b/vmlinuz": read("slots/a/vmlinuz"), "slots/b/initrd": read("slots/a/initrd"), "slots/b/grub.cfg": grubenv.SlotConfig(layout.B, e.Cmdline),
		"slots/b/manifest.json": read("slots/a/manifest.json"), "slots/b/manifest.sig": read("slots/a/manifest.sig"), // the kernel's own words may be others
		"grub/env0": state, "grub/env1": state, sdboot.Dir + "/" + name.String(): e.Text(),
	} {
		if err := fat.Inject(f, boot.Start, boot.Size, name, text, time.Unix(1<<30, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func find(t *testing.T, table layout.Table, role layout.Role, slot layout.Slot) layout.Partition {
	t.Helper()
	p, err := table.Find(role, slot)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// copyRoot copies root-a to root-b, skipping zeros.
func copyRoot(t *testing.T, f *os.File, table layout.Table) {
	t.Helper()
	a, b := find(t, table, layout.Root, layout.A), find(t, table, layout.Root, layout.B)
	buf, zero := make([]byte, layout.MiB), make([]byte, layout.MiB)
	for at := int64(0); at < a.Size; at += layout.MiB {
		if _, err := f.ReadAt(buf, a.Start+at); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if bytes.Equal(buf, zero) {
			continue
		}
		if _, err := f.WriteAt(buf, b.Start+at); err != nil {
			t.Fatal(err)
		}
	}
}
