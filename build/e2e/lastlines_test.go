package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/slotimage"
)

// panicWords make the kernel of a slot panic at boot step write-files.
const panicWords = "write_files[0].path=/proc/sysrq-trigger write_files[0].content=c"

// TestLastLines: a release whose kernel panics is given up, and the log has how long its trial took and the last lines of
// its console: of the panic itself where firmware keeps the kernel's messages, those before it in the black box where not.
func TestLastLines(t *testing.T) {
	needs(t, "fallback")
	for name, c := range map[string]struct {
		firmware qemu.Firmware
		want     []string
	}{
		"pc-systemd-boot": {qemu.UEFI, []string{"last lines of a boot that was lost (pstore):", "Kernel panic - not syncing: sysrq triggered crash"}},
		"pc-grub":         {qemu.BIOS, []string{"last lines of a boot that was lost (black box):", "proa: boot "}},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, options{kind: "img", firmware: c.firmware, cpus: 1, medium: qemu.Disk, config: gateConfig})
			m.untilGood(m.bootBudget())
			s := newer(t, m.slot(), "v1.1.0")
			s.Words = append(s.Words, strings.Fields(panicWords)...)
			m.takes(s)
			mark := m.Mark()
			m.node.Run(t.Context(), "proa reboot", nil) // the connection may end first
			m.expectAfter(mark, "Kernel panic - not syncing: sysrq triggered crash", 2*m.bootBudget())
			m.expectAfter(mark, "proa: up slot=a ", 5*m.bootBudget())
			m.untilGood(m.bootBudget())
			out := m.run("proa upgrade log", nil)
			for _, want := range append(c.want, "rolled back: slot b was given up after 3 tries; it reached: stage2 write-files (started at ", ", trial of ") {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if out := m.run("proa upgrade log --json", nil); !strings.Contains(out, `"console": {`) || !strings.Contains(out, `"judged": "`) {
				t.Errorf("%s", out)
			}
			if c.firmware == qemu.UEFI {
				m.nothingKept()
			}
			m.off()
		})
	}
}

// nothingKept: what firmware kept of panics is in a file, and no longer in firmware.
func (m *machine) nothingKept() {
	m.t.Helper()
	out := m.run("mount -t pstore pstore /sys/fs/pstore; ls /sys/fs/pstore; umount /sys/fs/pstore; stat -c %a /var/log/proa/last-panic.log; grep -c 'sysrq triggered crash' /var/log/proa/last-panic.log", nil)
	if lines := strings.Fields(out); len(lines) != 2 || lines[0] != "600" || lines[1] == "0" {
		m.t.Errorf("pstore, and the log of the last panic: %q", out)
	}
}

// takes has the engine write a slot and put it on trial. Without a restart the connection stays.
func (m *machine) takes(s slotimage.Slot) {
	m.t.Helper()
	_, content := m.give(s)
	m.run("cat > /var/new.slot", content)
	if out := m.run("proa upgrade apply /var/new.slot --no-reboot; rm /var/new.slot", nil); !strings.Contains(out, "the next boot is a trial of "+s.Version) {
		m.t.Fatalf("proa upgrade apply: %s", out)
	}
}

// panicConfig has the kernel of slot b panic before any service runs, once somebody wants that.
const panicConfig = gateConfig + "boot_cmd: ['if test -e /var/panics && grep -q proa.slot=b /proc/cmdline; then echo c > /proc/sysrq-trigger; fi']\n"

// TestPanicAfterGood: a new slot is good, and from the next boot on its kernel panics before any service runs. Where firmware
// keeps the panic the slot is left at once, else after the third one.
func TestPanicAfterGood(t *testing.T) {
	needs(t, "after-good")
	for name, c := range map[string]struct {
		firmware  qemu.Firmware
		why, told string
	}{
		"pc-systemd-boot": {qemu.UEFI, "the kernel panicked: sysrq triggered crash, found ", "proa-b+0-3.conf"},
		"pc-grub":         {qemu.BIOS, "the machine stopped 3 times without a shutdown within ", "proa.fallback=b:3"},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, options{kind: "img", firmware: c.firmware, cpus: 1, medium: qemu.Disk, config: panicConfig})
			m.untilGood(m.bootBudget())
			m.newerIsGood()
			m.run("touch /var/panics; sync", nil)
			mark := m.Mark()
			m.node.Run(t.Context(), "proa reboot", nil)
			m.expectAfter(mark, "proa: going down: slot b: "+c.why, 5*m.bootBudget())
			m.wentBack(mark, c.why, c.told)
			if out := m.run("proa upgrade log", nil); !strings.Contains(out, "rolled back: "+c.why) || c.firmware == qemu.UEFI && !strings.Contains(out, "Kernel panic - not syncing: sysrq triggered crash") {
				t.Errorf("%s", out)
			}
			m.off()
		})
	}
}

// newerIsGood: the machine takes a newer release, and slot b is good after its trial.
func (m *machine) newerIsGood() {
	m.t.Helper()
	m.takes(newer(m.t, m.slot(), "v1.1.0"))
	mark := m.Mark()
	m.node.Run(m.t.Context(), "proa reboot", nil)
	m.expectAfter(mark, "proa: up slot=b ", 2*m.bootBudget())
	m.expectAfter(mark, "proa: status slot b good", m.bootBudget())
}

// TestLostEarly: a new slot is good, and from then on is lost in every boot before anything on the data partition can count
// that. The fourth boot finds it in the black box and goes back.
func TestLostEarly(t *testing.T) {
	needs(t, "after-good")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, cpus: 1, medium: qemu.Disk, config: gateConfig})
	m.untilGood(m.bootBudget())
	m.newerIsGood()
	mark := m.Mark()
	for n := range 4 { // the first one ends a boot that has come far enough
		again := m.Mark()
		if err := m.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n < 3 {
			m.expectAfter(again, "proa: switching to the root", m.bootBudget())
		}
	}
	const why = "the machine was lost 3 times early in a boot"
	m.expectAfter(mark, "slot b: "+why+"; restarting, the other slot takes over", m.bootBudget())
	m.wentBack(mark, why, "proa.fallback=b:3")
	if out := m.run("proa upgrade log", nil); !strings.Contains(out, "rolled back: slot b was good and was given up later, so slot a runs; "+why) {
		t.Errorf("%s", out)
	}
	m.off()
}
