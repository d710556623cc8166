package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/verity"
)

// TestTakeOver: if the root of a good slot is damaged, at boot or while it runs, the machine fails over to the other
// slot once and reports why; with two damaged slots it halts.
func TestTakeOver(t *testing.T) {
	needs(t, "takeover")
	takeOver(t, options{kind: "img", firmware: qemu.BIOS}, "proa.fallback=b:3")
}

// TestTakeOverEverywhere does the same with the other boot chains.
func TestTakeOverEverywhere(t *testing.T) {
	needs(t, "takeover-full")
	t.Run("pc-systemd-boot", func(t *testing.T) { takeOver(t, options{kind: "img", firmware: qemu.UEFI}, "proa-b+0-3.conf") })
	t.Run("arm64-virt", func(t *testing.T) { takeOver(t, options{board: "arm64-virt", kind: "img"}, "proa.fallback=b:3") })
}

func takeOver(t *testing.T, o options, told string) {
	o.cpus, o.medium, o.config = 1, qemu.Disk, gateConfig
	m := start(t, o)
	m.untilGood(m.bootBudget())
	s := realSlot(t, o)
	s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)

	m.upgrade(s, "b")
	mark := m.Mark()
	m.run(zero("b", s.Root.Size, 1), nil) // the first block of the tree
	m.node.Run(t.Context(), "proa reboot", nil)
	m.expectAfter(mark, "proa: HALTED boot: find-slot", m.bootBudget())
	m.tookOver(mark, "stage1 find-slot", told)

	m.upgrade(s, "b")
	mark = m.Mark()
	m.run(zero("b", s.Root.Size-256<<10, 32), nil)
	m.node.Run(t.Context(), "echo 3 > /proc/sys/vm/drop_caches; find /usr -xdev -type f -exec cat {} + > /dev/null", nil) // the machine may restart first
	m.expectAfter(mark, "proa: root of slot b is damaged", m.bootBudget())
	m.tookOver(mark, "running", told)

	mark = m.Mark()
	m.run(zero("a", s.Root.Size, 1), nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a machine that halts closes no connection
	m.node.Run(ctx, "proa reboot", nil)
	cancel()
	m.expectAfter(mark, "no other takes over: no other slot can take over", m.bootBudget())
	m.expectAfter(mark, "proa: staying up", m.bootBudget())
}

// upgrade writes a valid slot and waits until it runs and is good.
func (m *machine) upgrade(s slotimage.Slot, slot string) {
	m.t.Helper()
	name, content := m.give(s)
	m.run("proa slot write "+slot+" "+name, content)
	m.run("proa slot try "+slot, nil)
	mark := m.Mark()
	m.node.Run(m.t.Context(), "proa reboot", nil)
	m.expectAfter(mark, "proa: up slot="+slot+" ", 2*m.bootBudget())
	m.expectAfter(mark, "proa: status slot "+slot+" good", m.bootBudget())
}

// tookOver waits for slot a, which must report why it runs.
func (m *machine) tookOver(mark int, why, told string) {
	m.t.Helper()
	m.expectAfter(mark, "proa: up slot=a ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	status := unfolded(m.run("proa status", nil))
	if want := "slot b was good and cannot be started any more, so slot a runs; " + why; !strings.Contains(status, "FALLBACK") || !strings.Contains(status, want) {
		m.t.Errorf("proa status does not say %q:\n%s", want, status)
	}
	if out := m.run("cat /proc/cmdline; ls /boot/loader/entries 2>&1; true", nil); !strings.Contains(out, told) {
		m.t.Errorf("no %q in\n%s", told, out)
	}
	if starts := strings.Count(strings.Join(strings.Split(m.Console(), "\n")[mark:], "\n"), "proa: boot 1/"); starts > 4 {
		m.t.Errorf("%d lists of steps: more than one start of each slot", starts)
	}
}

// zero returns a command that overwrites blocks of a slot's root, like a failing medium.
func zero(slot string, at int64, blocks int) string {
	return fmt.Sprintf("dev=$(grep -lx PARTNAME=root-%s /sys/class/block/*/uevent | cut -d/ -f5) && dd if=/dev/zero of=/dev/$dev bs=%d seek=%d count=%d conv=fsync,notrunc",
		slot, verity.BlockSize, at/verity.BlockSize, blocks)
}
