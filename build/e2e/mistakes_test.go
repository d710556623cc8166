package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// TestMistakesAreNotTheSlots: with a configuration whose module, interface, sysctl and file are impossible, the slot
// becomes good, and every one of them is reported.
func TestMistakesAreNotTheSlots(t *testing.T) {
	needs(t, "mistakes")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, config: gateConfig +
		"modules: [no_such_module]\nsysctls: {net.no.such: 1}\nnetwork: {interfaces: {eth7: {addresses: [192.168.50.2/24]}}}\nwrite_files: [{path: /etc/x, owner: nobody-here, content: x}]\n"})
	m.expect("proa: status slot a good", bootBudget)
	status := unfolded(m.run("proa status", nil))
	for _, want := range []string{"mode disk, good", "no_such_module", "net.no.such", "eth7", "nobody-here"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if strings.Contains(status, "FAILED") {
		t.Errorf("a step has failed:\n%s", status)
	}
	m.off()
}
