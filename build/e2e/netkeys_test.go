package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
)

// networkKeys puts the only cable into a bond, the bond into a bridge, and a VLAN on that.
const networkKeys = rootKey + `network:
  interfaces:
    cable: {match: {driver: [virtio*]}}
    bond0: {bond: {members: [cable], mode: active-backup}}
    br0: {bridge: {members: [bond0], stp: false}, dhcp: true, dns: [192.0.2.53], search: [quay.example.org]}
    vlan20: {vlan: {id: 20, link: br0}, addresses: [198.51.100.7/24, "2001:db8::7/64"], mtu: 1400,
      routes: [{to: 203.0.113.0/24, via: 198.51.100.1, table: 100}, {to: 192.0.2.128/25, type: blackhole}]}
    spare: {dummy: true, addresses: [198.51.100.129/32], mac: "52:54:00:00:00:09"}
  rules: [{from: 198.51.100.7/32, table: 100, priority: 1000}]
`

// TestNetworkKeys: links of every kind are made on a real machine, by which it is reached; a changed configuration takes
// effect at once.
func TestNetworkKeys(t *testing.T) {
	needs(t, "network")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: networkKeys})
	m.until("proa status", "br0=10.0.2.15/24", bootBudget)
	for _, s := range [][2]string{
		{"cat /sys/class/net/br0/brif/bond0/state /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/slaves", "3\nactive-backup 1\n"},
		{"cat /sys/class/net/vlan20/mtu /sys/class/net/spare/address; ip -4 addr show dev vlan20 | grep -c 198.51.100.7/24; ip -6 addr show dev vlan20 | grep -c 2001:db8::7/64", "1400\n52:54:00:00:00:09\n1\n1\n"},
		{"ip route show table 100 | cut -d' ' -f1-5; ip route show | grep blackhole | cut -d' ' -f1-2; ip rule | grep -c 'from 198.51.100.7 lookup 100'", "203.0.113.0/24 via 198.51.100.1 dev vlan20\nblackhole 192.0.2.128/25\n1\n"},
		{"grep -c 192.0.2.53 /etc/resolv.conf; grep -c quay.example.org /etc/resolv.conf", "1\n1\n"},
	} {
		m.until(s[0], s[1], bootBudget)
	}
	changed := strings.NewReplacer("%KEY%", m.key.Authorized, "198.51.100.7/24", "198.51.100.8/24", "    spare: {dummy", "    other: {dummy").Replace(networkKeys)
	m.run("proa config apply -", strings.NewReader(changed))
	m.until("ip -4 addr show dev vlan20 | grep -o '198.51.100.[0-9]*/24'; ls /sys/class/net | grep -x -e spare -e other", "198.51.100.8/24\nother\n", bootBudget)
}

// TestTakenBack: a change that cuts the machine off is taken back without anybody at the console, and one that is
// confirmed stays.
func TestTakenBack(t *testing.T) {
	needs(t, "network")
	const sound = rootKey + "hostname: quay-1\n"
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: sound})
	m.until("proa status", "mode disk", bootBudget)
	cut := strings.ReplaceAll(sound, "%KEY%", m.key.Authorized) + "network: {interfaces: {eth0: {addresses: [192.0.2.9/24]}}}\n"
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = m.node.Run(ctx, "proa config apply - --confirm 1m", strings.NewReader(cut)) // the connection is lost
	m.expect("config: the change is taken back: nobody confirmed it within 1m0s", bootBudget)
	m.until("proa status", "eth0=10.0.2.15/24", bootBudget)
	if text := m.run("proa config show; cat /boot/config.yaml.rejected", nil); strings.Count(text, "192.0.2.9/24") != 1 {
		t.Errorf("the change is in force, or its text is lost:\n%s", text)
	}
	kept := strings.ReplaceAll(sound, "%KEY%", m.key.Authorized) + "timezone: Europe/Lisbon\n"
	m.run("proa config apply - --confirm 2m", strings.NewReader(kept))
	m.until("proa status", "waits for proa config confirm", bootBudget)
	m.run("proa config confirm", nil)
	if text := m.run("cat /boot/config.yaml", nil); !strings.Contains(text, "Lisbon") {
		t.Errorf("not confirmed:\n%s", text)
	}
	m.untilIs("proa status", "no change that waits", func(text string) error { // the status is written every few seconds
		if strings.Contains(text, "waits for") {
			return errors.New("a change still waits")
		}
		return nil
	}, bootBudget)
}
