package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// TestAfterGood: a new slot becomes good, and then PID 1 hangs: the watchdog resets the machine, which goes back to the
// slot before and tells why. Three ends without a shutdown do the same where no hardware tells a reset from a power cut.
func TestAfterGood(t *testing.T) {
	needs(t, "after-good")
	goesBack(t, fallbackChain{"pc-grub", options{kind: "img", firmware: qemu.BIOS}, "proa.fallback=b:3"})
}

// TestAfterGoodEverywhere does the same with the other boot chains.
func TestAfterGoodEverywhere(t *testing.T) {
	needs(t, "after-good-full")
	for _, c := range []fallbackChain{
		{"pc-systemd-boot", options{kind: "img", firmware: qemu.UEFI}, "proa-b+0-3.conf"},
		{"arm64-uefi", options{board: "arm64-uefi", kind: "img", firmware: qemu.UEFI}, "proa-b+0-3.conf"},
		{"arm64-virt", options{board: "arm64-virt", kind: "img"}, "proa.fallback=b:3"},
		{"armv7-virt", options{board: "armv7-virt", kind: "img"}, "proa.fallback=b:3"},
		{"rpi3", options{board: "rpi3", kind: "img.zst"}, "proa.fallback=b:3"},
	} {
		t.Run(c.name, func(t *testing.T) { goesBack(t, c) })
	}
}

func goesBack(t *testing.T, c fallbackChain) {
	c.cpus, c.medium, c.config = 1, qemu.Disk, gateConfig
	m := start(t, c.options)
	m.untilGood(m.bootBudget())
	s := realSlot(t, c.options)
	s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)
	if !m.spec.Tools.NoWatchdog {
		m.upgrade(s, "b")
		mark := m.Mark()
		m.run("echo 1 > /sys/fs/cgroup/proa/init/cgroup.freeze", nil)
		m.expectAfter(mark, "proa: going down: slot b: the watchdog reset the machine, found ", 2*m.bootBudget())
		m.wentBack(mark, "the watchdog reset the machine, found ", c.told)
	}
	m.upgrade(s, "b")
	mark := m.Mark()
	for range 2 {
		again := m.Mark()
		if err := m.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.expectAfter(again, "proa: up slot=b ", 2*m.bootBudget())
		m.until("proa status", "slot b is new, and since it was marked good the machine stopped without a shutdown before ", m.bootBudget())
	}
	if err := m.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.wentBack(mark, "the machine stopped 3 times without a shutdown within ", c.told)
	m.off()
}

// wentBack waits for slot a, which must report why it runs, and still runs after a restart.
func (m *machine) wentBack(mark int, why, told string) {
	m.t.Helper()
	m.expectAfter(mark, "proa: up slot=a ", 3*m.bootBudget())
	m.untilGood(m.bootBudget())
	want := "slot b was good and was given up later, so slot a runs; " + why
	if status := unfolded(m.run("proa status", nil)); !strings.Contains(status, "FALLBACK") || !strings.Contains(status, want) {
		m.t.Errorf("proa status does not say %q:\n%s", want, status)
	}
	if out := m.run("cat /proc/cmdline; ls /boot/loader/entries 2>&1; ls /var/lib/proa; true", nil); !strings.Contains(out, told) || strings.Contains(out, "after-good.json") {
		m.t.Errorf("no %q, or a slot that is still watched, in\n%s", told, out)
	}
	mark = m.Mark()
	m.node.Run(m.t.Context(), "proa reboot", nil) // the connection may end first
	m.expectAfter(mark, "proa: up slot=a ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
}
