package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// manyCards names two of four adapters by what they are, gives the second a default route that is not the preferred one,
// and bonds the other two, whose order the kernel chooses.
const manyCards = `version: 1
hostname: edge-1
ssh_authorized_keys: ['%KEY%']
network:
  interfaces:
    uplink: {match: {mac: ["52:54:00:12:34:56"]}, rename: true, metric: 50}
    field: {match: {driver: [e1000e]}, dhcp: true, metric: 500}
    left: {match: {mac: ["52:54:00:78:00:01"]}, rename: true}
    right: {match: {mac: ["52:54:00:78:00:02"]}, rename: true}
    bond0: {bond: {members: [left, right], mode: active-backup, primary: left}, addresses: [198.51.100.7/24]}
`

// TestManyCards: a machine with four network adapters becomes Ready on the one with the preferred default route. A changed
// configuration takes effect without a restart, and pods keep running.
func TestManyCards(t *testing.T) {
	needs(t, "network")
	m := prepare(t, options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, memory: 3072, config: manyCards}) // with default routes
	m.spec.Cards = []string{"e1000e", "virtio-net-pci", "virtio-net-pci"}
	m.powerOn()
	m.podsRun()
	field := "$(grep -l 0x10d3 /sys/class/net/*/device/device | cut -d/ -f5)" // Intel 82574L, which e1000e is
	for command, want := range map[string]string{
		"ip -4 route show default | head -1 | cut -d' ' -f1-5":                                         "default via 10.0.2.2 dev uplink\n",
		"ip -4 route show default | grep -o 'via 10.78.0.2 .*metric 500' | wc -l":                      "1\n",
		"ip -4 -o addr show dev " + field + " | grep -o '10.78.0.15/24'":                               "10.78.0.15/24\n",
		"cat /sys/class/net/bond0/bonding/active_slave /sys/class/net/bond0/bonding/slaves":            "left\nleft right\n",
		"ip -4 -o addr show dev bond0 | grep -o 198.51.100.7/24":                                       "198.51.100.7/24\n",
		"kubectl get node edge-1 -o jsonpath='{.status.addresses[?(@.type==\"InternalIP\")].address}'": "10.0.2.15",
	} {
		m.until(command, want, bootBudget)
	}
	const since = `kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].state.running.startedAt}{"\n"}{end}'`
	before := m.run(since, nil)
	changed := strings.NewReplacer("%KEY%", m.key.Authorized, "dhcp: true, metric: 500", "addresses: [10.78.0.77/24]",
		"primary: left}, addresses: [198.51.100.7/24]", "primary: right}, addresses: [198.51.100.8/24, 198.51.100.9/24]").Replace(manyCards)
	m.run("proa config apply -", strings.NewReader(changed))
	m.until("ip -4 -o addr show dev "+field+" | grep -o '10[.]78[.][0-9./]*' | head -1", "10.78.0.77/24\n", bootBudget)
	m.until("cat /sys/class/net/bond0/bonding/active_slave; ip -4 -o addr show dev bond0 | grep -c '198.51.100.[89]/24'; ip -4 route show default | wc -l", "right\n2\n1\n", bootBudget)
	m.nodeReady()
	if after := m.run(since, nil); after != before {
		t.Errorf("pods were started anew:\n%s\n%s", before, after)
	}
	m.off()
}
