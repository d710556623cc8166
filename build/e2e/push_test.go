package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/push"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
)

// TestPush: `proa push` upgrades a machine over SSH by a patch, waits through its restart, and says that the new version
// is good; a version that falls back is told with its reason. PROA_UPGRADE selects chains as in TestUpgrade.
func TestPush(t *testing.T) {
	needs(t, "upgrade")
	if only := os.Getenv("PROA_UPGRADE"); only != "" && !strings.Contains(only, "pc-grub") {
		t.Skip("PROA_UPGRADE names other chains")
	}
	o := options{kind: "img", firmware: qemu.BIOS, cpus: 1, medium: qemu.Disk, config: gateConfig}
	m := start(t, o)
	old := m.slot()
	next := newer(t, old, "v1.1.0")
	site := released(t, m.spec.Dir, releasing.Options{}, old, next)
	m.untilGood(m.bootBudget())
	p := push.Options{SSH: m.sshCommand(), Wait: 4 * m.bootBudget()}
	said, err := pushed(t, p, site)
	if err != nil || !strings.Contains(said, "runs in slot b and is good") {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Logf("%s", said)
	if out := m.run("proa upgrade log", nil); !strings.Contains(out, "succeeded") || !strings.Contains(out, "by push, patch from "+old.Version) {
		t.Errorf("proa upgrade log: %s", out)
	}
	if said, err = pushed(t, p, site); err != nil || !strings.Contains(said, next.Version+" runs") {
		t.Errorf("once more: %v\n%s", err, said)
	}
	m.off()
}

// pushed pushes to root@localhost, by way of the machine's forwarded port.
func pushed(t *testing.T, o push.Options, release string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	began := time.Now()
	err := push.Run(t.Context(), o, []string{"root@127.0.0.1", release}, &out)
	t.Logf("push took %.0f s", time.Since(began).Seconds())
	return out.String(), err
}

// sshCommand returns OpenSSH's client with what connects to the machine, whose host key is that of its first boot.
func (m *machine) sshCommand() string {
	m.t.Helper()
	_, port, err := net.SplitHostPort(m.node.Addr)
	if err != nil {
		m.t.Fatal(err)
	}
	dir := m.t.TempDir()
	return fmt.Sprintf("%s -F /dev/null -p %s -i %s -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile=%s/known -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
		oracle.Tool(m.t, "ssh"), port, filepath.Join(m.spec.Dir, "ssh-key"), dir)
}
