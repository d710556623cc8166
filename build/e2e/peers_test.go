package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
)

// peersConfig has the network of a machine whose second adapter is on the site's network.
const peersConfig = gateConfig + `hostname: edge-NUMBER
upgrade: {peers: true}
network:
  interfaces:
    uplink: {match: {mac: ["52:54:00:12:34:56"]}, rename: true}
    site: {match: {mac: ["52:54:00:79:00:0NUMBER"]}, rename: true, addresses: [10.79.0.NUMBER/24]}
`

// TestPeers: of two machines on one network the second takes a release from the first, and only metadata and index from
// the server. The firewall is that of proa.
func TestPeers(t *testing.T) {
	needs(t, "peers")
	dir := t.TempDir()
	socket := func(n int) string { return filepath.Join(dir, fmt.Sprintf("lan-%d.sock", n)) }
	var all [2]*machine
	for i := range all {
		n := i + 1
		m := prepare(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, cpus: 1, config: strings.ReplaceAll(peersConfig, "NUMBER", fmt.Sprint(n))})
		m.spec.LAN = qemu.LAN{Own: socket(n), Other: socket(3 - n), MAC: fmt.Sprintf("52:54:00:79:00:0%d", n)}
		m.powerOn()
		m.untilGood(m.bootBudget())
		all[i] = m
	}
	// Without a patch kernel and initramfs are fetched, and of the root what differs.
	site := released(t, dir, releasing.Options{Patches: -1}, newer(t, all[0].slot(), "v1.1.0"))
	var sent [2]atomic.Int64
	for i, m := range all {
		url := m.servedBy(payloadsOf(site, &sent[i]))
		out := m.run("proa upgrade fetch "+url+" && proa upgrade log && nft list table inet proa | grep 24170", nil)
		t.Logf("edge-%d: %.1f MB of payloads from the server\n%s", i+1, float64(sent[i].Load())/1e6, out)
		if given := strings.Contains(out, "of them from 1 node of the site"); given != (i == 1) || !strings.Contains(out, "is written") {
			t.Errorf("edge-%d: %s", i+1, out)
		}
	}
	if first, second := sent[0].Load(), sent[1].Load(); first < 5<<20 || second > 200_000 {
		t.Errorf("the server sent %d bytes of payloads to the first machine and %d to the second", first, second)
	}
	for _, m := range all {
		m.off()
	}
}

// payloadsOf serves a directory and counts what is sent of it but metadata and manifests.
func payloadsOf(dir string, n *atomic.Int64) http.Handler {
	files := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".json") {
			w = &tallied{w, n}
		}
		files.ServeHTTP(w, r)
	})
}

// tallied counts the bytes of an answer.
type tallied struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *tallied) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}
