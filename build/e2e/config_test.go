package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// TestBadConfig: whatever is in config.yaml, the machine boots, authorized users can log in, and every problem is
// reported with its place.
func TestBadConfig(t *testing.T) {
	needs(t, "full")
	const key = "version: 1\nssh_authorized_keys: ['%KEY%']\n"
	for _, tc := range []struct {
		name, config string
		want         []string // in `proa status` and on the console
		ssh          bool
	}{
		{"unknown-key", key + "k3s:\n  enabled: false\n  tokn: x\n", []string{"config.yaml:5:3", "tokn", "token"}, true},
		{"wrong-type", key + "k3s: {enabled: false}\nmodules: {a: b}\n", []string{"config.yaml:4:10", "modules"}, true},
		{"broken-yaml", key + "k3s: {enabled: false\nhostname: [\n", []string{"config.yaml:"}, false},
		{"unreachable-server", key + "k3s: {role: agent, server_url: 'https://192.0.2.1:6443', token: abc}\n", []string{"192.0.2.1"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: tc.config})
			for _, want := range tc.want {
				m.expect(want, bootBudget)
			}
			if !tc.ssh {
				m.off()
				return
			}
			for _, want := range tc.want {
				m.until("proa status", want, bootBudget)
			}
			m.off()
			if strings.Contains(m.Console(), "Kernel panic") {
				t.Error("the kernel panicked")
			}
		})
	}
}
