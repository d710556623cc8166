package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
)

// TestRehearsal: a release is rehearsed before the restart; log says what it found, and after the rollback the old version
// reads what the new one left. Then the snapshot is restored by hand: what was written since is gone, and said to be.
func TestRehearsal(t *testing.T) {
	needs(t, "rehearsal")
	o := onDisk
	o.medium, o.config = qemu.Disk, readyConfig // not restricted: it asks a web server of the host
	m := start(t, o)
	m.nodeReady()
	old := m.slot()
	site := m.served(released(t, m.spec.Dir, releasing.Options{}, old, newer(t, old, "v1.1.0")))
	m.untilGood(m.bootBudget())
	goesThrough(t, m, site)
	comesBack(t, m)
	m.off()
}

// goesThrough: the release is tried and good.
func goesThrough(t *testing.T, m *machine, site string) {
	mark := m.Mark()
	said := m.node.Run(t.Context(), "proa upgrade apply "+site+" 2>&1", nil) // the connection ends with the machine
	t.Logf("%s, %v", said.Stdout, said.Err)
	m.expectAfter(mark, "proa: up slot=b mode=disk ", 3*m.bootBudget())
	m.untilGood(3 * m.bootBudget())
	if out := m.run("proa upgrade log", nil); !strings.Contains(out, "rehearsed: it reads all ") || !strings.Contains(out, "succeeded") || !strings.Contains(out, "snapshot of the datastore from ") {
		t.Errorf("after the upgrade: %s", out)
	} else {
		t.Logf("%s", out)
	}
	m.until("cat /var/lib/proa/upgrade/datastore/snapshot.json", `"opened"`, podBudget)
}

// comesBack: the old version reads what the new one left; then the snapshot is restored by hand.
func comesBack(t *testing.T, m *machine) {
	m.run("kubectl create configmap since", nil)
	mark := m.Mark()
	m.node.Run(t.Context(), "proa slot rollback --reboot", nil)
	m.expectAfter(mark, "proa: up slot=a mode=disk ", 3*m.bootBudget())
	m.untilGood(3 * m.bootBudget())
	m.until("proa upgrade log", "nothing was restored or lost", podBudget)
	m.until("kubectl get configmap since -o name", "configmap/since", podBudget)
	out := m.run("proa upgrade restore-datastore --yes 2>&1", nil)
	if !strings.Contains(out, "was restored; what was written since is lost: ") || !strings.Contains(out, "configmaps ") {
		t.Errorf("restored by hand: %s", out)
	}
	m.nodeReady()
	m.until("kubectl get configmap since 2>&1 || true", `configmaps "since" not found`, podBudget)
	m.until("proa status", "was restored", podBudget)
}
