package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// garbageMiB is the size of the unused image: compressed and unpacked together a sixth of life's data partition, so
// that the kubelet need not evict pods once it is removed.
const garbageMiB = 144

// fillUp allocates all free blocks, including those reserved for root, in one file, first in one call and then byte by
// byte.
const fillUp = `cd /var/lib; fallocate -l $(($(stat -f -c '%f*%S' .) - (4 << 20))) filler; dd if=/dev/zero bs=64k of=filler2 2>/dev/null; dd if=/dev/zero bs=1k of=filler3 2>/dev/null; sync; df -k . | tail -n 1`

// fullDisk: an unused image and a file use every block of the data partition when the power is cut. The machine becomes
// Ready, its pods run on, images are garbage collected, and a key that was revoked just before is refused.
func fullDisk(t *testing.T, l *life) {
	if err := l.letsIn(l.second); err != nil {
		t.Fatalf("the second key, before it is revoked: %v", err)
	}
	l.run(fmt.Sprintf(saveImage, 0, garbageMiB, "/var/lib"), nil)
	l.run("ctr -n k8s.io images import /var/lib/cut-0.tar && rm /var/lib/cut-0.tar", nil)
	before := l.run("kubectl get pods -A -o name | sort", nil)
	t.Logf("filled: %s", l.run(fillUp, nil))
	l.config = strings.Replace(l.config, ", '"+l.second.Authorized+"'", "", 1)
	if out := l.run("proa config apply --force -", strings.NewReader(l.config)); !strings.Contains(out, "saved") {
		t.Errorf("apply: %s", out)
	}
	l.run("dd if=/dev/zero bs=1k of=/var/lib/filler4 2>/dev/null; sync; df -k /var/lib", nil)
	l.Kill()

	l.powerOn()
	t.Logf("data after the restart: %s", l.run("df -k /var/lib | tail -n 1; proa status", nil))
	l.nodeReady()
	l.podsAnswer()
	if err := l.letsIn(l.second); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("the revoked key: %v", err)
	}
	l.until("ctr -n k8s.io images ls -q | grep -c example.org/cut: || true", "0\n", podBudget)
	if after := l.run("kubectl get pods -A -o name | sort", nil); after != before {
		t.Errorf("pods changed:\nbefore\n%s\nafter\n%s", before, after)
	}
	if bad := l.run("kubectl get pods -A --no-headers --field-selector=status.phase!=Running", nil); strings.TrimSpace(bad) != "" {
		t.Errorf("pods that do not run:\n%s", bad)
	}
	l.run("rm /var/lib/filler*", nil)
	l.podsRun()
}
