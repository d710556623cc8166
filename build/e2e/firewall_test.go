package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// filters runs the unit tests of the firewall on the machine itself, with its kernel and modules, its nft, and
// kubelet's cgroup of pods.
func filters(t *testing.T, m *machine) {
	binary := filepath.Join(t.TempDir(), "firewall.test")
	build := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", binary, "github.com/proa-os/proa/init/firewall")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+onDisk.arch())
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	m.run("cat > /root/firewall.test && chmod 700 /root/firewall.test", bytes.NewReader(program))
	table := m.run("nft list table inet proa", nil)
	if !strings.Contains(table, `socket cgroupv2 level 1 "kubepods" accept`) || !strings.Contains(table, "policy drop") {
		t.Errorf("the table:\n%s", table)
	}
	out := m.run("cd /root; PROA_TEST_CGROUPS=1 ./firewall.test -test.v -test.run 'TestFilter|TestNodes|TestHostNetwork'; echo ended $?; rm firewall.test", nil)
	if !strings.Contains(out, "ended 0") || strings.Contains(out, "SKIP") || strings.Count(out, "--- PASS: TestHostNetwork") == 0 {
		t.Error(out)
	}
}
