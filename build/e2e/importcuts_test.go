package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// payloadMiB is the size of a file of random bytes in each archive: large enough that writing it takes time, on disk as
// in memory.
const payloadMiB = 48

// imagesDir is watched by k3s, which imports the archives in it.
const imagesDir = "/var/lib/rancher/k3s/agent/images"

// saveImage makes an archive on the machine as `docker save` does: example.org/cut:N with one layer that has the file
// /payload-N, in a directory. It is synced before it is renamed to its name, so the archive is complete after any power
// cut. It prints the file's hash.
const saveImage = `set -e; cd %[3]s; rm -rf .make; mkdir .make; cd .make
head -c $((%[2]d << 20)) /dev/urandom > payload-%[1]d; sha256sum < payload-%[1]d | cut -c1-64; tar cf layer.tar payload-%[1]d
id=$(sha256sum < layer.tar | cut -c1-64); arch=$(uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/;s/armv7l/arm/')
echo '{"architecture":"'$arch'","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:'$id'"]}}' > config.json
echo '[{"Config":"config.json","RepoTags":["example.org/cut:%[1]d"],"Layers":["layer.tar"]}]' > manifest.json
tar cf ../.cut-%[1]d config.json layer.tar manifest.json; cd ..; rm -rf .make; sync; mv .cut-%[1]d cut-%[1]d.tar; sync`

// TestPowerCutsImport cuts the power while an archive is imported and unpacked. Each time the node becomes Ready again
// with all pods, the image is imported, and the file in it is unchanged. PROA_CUTS is by default 20, on two machines.
func TestPowerCutsImport(t *testing.T) {
	needs(t, "import-cuts")
	sideBySide(t, 20, 10, func(t *testing.T, c cutter) {
		c.whileReady("in import", c.duringImport)
	})
}

// duringImport makes one cut while an image is imported.
func (c cutter) duringImport(m *machine, cut int) {
	c.t.Helper()
	saved := strings.TrimSpace(m.run(fmt.Sprintf(saveImage, cut, payloadMiB, imagesDir), nil))
	after := time.Duration(c.rand.Int64N(int64(60 * time.Second))) // the folder is polled every 10 s, and must be unchanged twice
	time.Sleep(after)
	known := strings.Contains(m.run("ctr images ls -q", nil), fmt.Sprintf("example.org/cut:%d", cut))
	m.Kill()
	c.t.Logf("cut %d: power off %s after the archive was there; imported already: %v", cut+1, after.Round(time.Millisecond), known)
	m.powerOn()
	m.podsRun()
	m.until("ctr images ls -q", fmt.Sprintf("example.org/cut:%d", cut), podBudget)
	// The image as a container gets it; beside it there may be files of an import that the cut ended.
	sum := fmt.Sprintf("mkdir -p /run/cut; ctr images mount example.org/cut:%[1]d /run/cut >/dev/null && sha256sum < /run/cut/payload-%[1]d | cut -c1-64; "+
		"ctr images unmount --rm /run/cut >/dev/null", cut)
	if got := strings.TrimSpace(m.run(sum, nil)); got != saved {
		c.t.Errorf("the unpacked file has the hash %q, saved was %q", got, saved)
	}
	copies := fmt.Sprintf("find /var/lib/rancher/k3s/agent/containerd -name payload-%d | wc -l", cut)
	if got := strings.TrimSpace(m.run(copies, nil)); got != "1" {
		c.t.Errorf("%s copies of the file: an import that a cut ended has left its own", got)
	}
	if told := m.run("proa status", nil); strings.Contains(told, "left out") {
		c.t.Errorf("an archive was left out:\n%s", told)
	}
	m.run(fmt.Sprintf("rm %s/cut-%d.tar; ctr images rm example.org/cut:%[2]d", imagesDir, cut), nil)
}
