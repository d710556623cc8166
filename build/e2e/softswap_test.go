package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/slotimage"
)

// swapConfig permits soft swaps, and has a check that fails in a root whose version has "evil".
const swapConfig = gateConfig + "upgrade: {swap: always}\nhealth: {deadline: 2m, checks: [{name: no-evil, command: '! grep -q evil /usr/lib/os-release'}]}\n"

const bootID = "cat /proc/sys/kernel/random/boot_id"

// TestSoftSwap: a release that differs in its root only is tried without a restart, is good, and is what the next boot
// starts; one that does not become good is left by a restart into the slot from before, with the reason. A release with
// another kernel command line is tried by a restart, and the log says why. PROA_SOFTSWAP selects one of the chains.
func TestSoftSwap(t *testing.T) {
	needs(t, "softswap")
	for name, firmware := range map[string]qemu.Firmware{"pc-grub": qemu.BIOS, "pc-systemd-boot": qemu.UEFI} {
		if only := os.Getenv("PROA_SOFTSWAP"); only != "" && only != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			o := options{kind: "img", firmware: firmware, cpus: 1, medium: qemu.Disk, config: swapConfig}
			m := start(t, o)
			old := m.slot()
			m.untilGood(m.bootBudget())
			good := newer(t, old, "v1.1.0")
			m.swapsTo(good)
			m.restartsAfterSwap()
			m.swapFails(newer(t, old, "v1.2.0-evil"))
			other := newer(t, old, "v1.3.0")
			other.Words = append(other.Words, "proa_test=1")
			m.swapRefused(other)
			m.off()
		})
	}
}

// offers adds slots to the machine's releases, and has the machine upgrade itself to the last one. If the one that it runs
// is among them, it takes a patch.
func (m *machine) offers(slots ...slotimage.Slot) {
	m.t.Helper()
	m.node.Run(m.t.Context(), "proa upgrade apply "+m.served(released(m.t, m.spec.Dir, releasing.Options{}, slots...)), nil) // the connection ends on the way
}

// swapsTo upgrades from slot a to slot b by a soft swap.
func (m *machine) swapsTo(s slotimage.Slot) {
	m.t.Helper()
	before, mark := m.run(bootID, nil), m.Mark()
	m.offers(s)
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	if now := m.run(bootID, nil); now != before {
		m.t.Fatalf("the machine was restarted")
	}
	out := m.run("proa slot; proa status; proa upgrade log; cat /usr/lib/os-release; cat /proc/1/mountinfo", nil)
	for _, want := range []string{"slot b\ntrial false\n", "running by soft swap from slot a at ", "succeeded", "tried by soft swap", s.Version} {
		if !strings.Contains(out, want) {
			m.t.Errorf("no %q in\n%s", want, out)
		}
	}
	// nothing keeps the old root in use, so the next upgrade can write there
	if out := m.run("ls /sys/class/block | grep dm-; cat /sys/class/block/dm-*/dm/name", nil); strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]) != "proa-root-b" || strings.Count(out, "proa-root") != 1 {
		m.t.Errorf("mapped:\n%s", out)
	}
}

// restartsAfterSwap: the boot loader starts the slot that became good by a soft swap.
func (m *machine) restartsAfterSwap() {
	m.t.Helper()
	before, mark := m.run(bootID, nil), m.Mark()
	m.node.Run(m.t.Context(), "proa reboot", nil)
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	if out := m.run(bootID+"; proa slot", nil); strings.Contains(out, before) || strings.Contains(out, "soft swap") {
		m.t.Errorf("after a restart:\n%s", out)
	}
}

// swapFails: slot a does not become good after a soft swap, and slot b is started again.
func (m *machine) swapFails(s slotimage.Slot) {
	m.t.Helper()
	mark := m.Mark()
	m.offers(s)
	m.expectAfter(mark, "proa: up slot=a mode=disk ", 2*m.bootBudget())
	m.expectAfter(mark, "slot a is not good after 2m0s: user checks: no-evil: ", 2*m.bootBudget())
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	out := unfolded(m.run("proa status; proa upgrade log", nil))
	for _, want := range []string{"rolled back: slot a was given up after 1 try; it reached: health: user checks (failed: no-evil: exit code 1", "given up: " + s.Version} {
		if !strings.Contains(out, want) {
			m.t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// swapRefused: the kernel command line is another one, so the machine is restarted for the trial.
func (m *machine) swapRefused(s slotimage.Slot) {
	m.t.Helper()
	before, mark := m.run(bootID, nil), m.Mark()
	m.offers(s)
	m.expectAfter(mark, "proa: up slot=a mode=disk ", 2*m.bootBudget())
	m.untilGood(m.bootBudget())
	out := m.run(bootID+"; proa upgrade log", nil)
	for _, want := range []string{"tried by restart", "no soft swap: the kernel command line is another one", "succeeded"} {
		if !strings.Contains(out, want) || strings.Contains(out, before) {
			m.t.Errorf("no %q, or no restart, in\n%s", want, out)
		}
	}
}
