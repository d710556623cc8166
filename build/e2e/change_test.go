package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/qemu"
)

// TestConfigApply changes the configuration of a running node: valid changes take effect, invalid ones are refused, the
// rest takes effect after a restart, and the boot partition has a clean file system although the power is cut right
// after a change.
func TestConfigApply(t *testing.T) {
	needs(t, "full")
	m := start(t, options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, config: gateConfig})
	m.untilGood(bootBudget)
	first := m.run("cat /boot/config.yaml", nil)
	text := first + "sysctls: {vm.swappiness: 7}\nntp: {servers: [10.0.2.2]}\nhostname: changed\n"
	out := m.run("proa config apply -", strings.NewReader(text))
	for _, want := range []string{"saved as /boot/config.yaml", "in force now: sysctls, ntp", "takes effect with proa reboot: hostname"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for command, want := range map[string]string{"cat /proc/sys/vm/swappiness": "7\n", "cat /run/proa/ntp-servers": "10.0.2.2\n", "cat /boot/config.yaml": text, "cat /boot/config.yaml.good": first} {
		if got := m.run(command, nil); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if got := m.run("proa config show; stat -c %a /run/proa/config.yaml /run/proa/control.sock", nil); !strings.Contains(got, "# takes effect with proa reboot: hostname") || strings.Count(got, "600\n") != 2 {
		t.Errorf("shown:\n%s", got)
	}
	labelled := strings.Replace(text, "{enabled: false}", "{enabled: false, labels: {node-role.kubernetes.io/worker: 'true'}}", 1)
	got := m.run("proa config apply - 2>&1 || echo refused", strings.NewReader(labelled))
	if !strings.Contains(got, "refused") || !strings.Contains(got, "kubectl label node") || m.run("cat /boot/config.yaml", nil) != text {
		t.Errorf("a label that no node may have:\n%s", got)
	}
	if got := m.run("proa restart ntp && (proa restart nothing 2>&1 || true)", nil); !strings.Contains(got, "ntp restarted") || !strings.Contains(got, `no service "nothing"`) {
		t.Errorf("restart:\n%s", got)
	}
	m.Kill()
	boot := filepath.Join(t.TempDir(), "boot")
	if out, err := exec.Command(oracle.Tool(t, "fsck.fat"), "-n", carve(t, m.spec.Image, boot)).CombinedOutput(); err != nil {
		t.Errorf("after a change and a power cut: %v\n%s", err, out)
	}
	m.powerOn()
	m.until("cat /etc/hostname /proc/sys/vm/swappiness", "changed\n7\n", bootBudget)
	m.off()
}
