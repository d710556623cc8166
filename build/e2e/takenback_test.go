package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
)

// cuts are changes that cut a machine off in different ways, with the reason for which each is taken back. A change that
// only breaks what the machine itself does not need, such as name servers, is taken back because nobody confirms it.
var cuts = []struct{ name, config, flags, why string }{
	{"address of another network", "network: {interfaces: {eth0: {addresses: [192.0.2.9/24]}}}\n", "--confirm 10m", "IPv4 default route: lost for 1m0s"},
	{"VLAN that the switch does not have", "network: {interfaces: {eth0: {dhcp: false, accept_ra: false}, v9: {vlan: {id: 9, link: eth0}, dhcp: true}}}\n", "--confirm 10m", "default route: lost for 1m0s"},
	{"DHCP where nobody answers", "network: {interfaces: {eth0: {dhcp: false, accept_ra: false}, d0: {dummy: true, dhcp: true}}}\n", "--confirm 10m", "default route: lost for 1m0s"},
	{"gateway that is none", "network: {interfaces: {eth0: {addresses: [10.0.2.15/24], gateway: 10.0.2.99}}}\n", "--confirm 1m", "nobody confirmed it within 1m0s"},
	{"address of somebody else's machine", "network: {interfaces: {eth0: {addresses: [10.0.2.77/24], gateway: 10.0.2.2}}}\n", "--confirm 1m", "nobody confirmed it within 1m0s"},
	{"name server that is none", "network: {dns: [192.0.2.53]}\nntp: {servers: [192.0.2.54]}\n", "--confirm 1m", "nobody confirmed it within 1m0s"},
	{"bond of one card that wants two", "network: {interfaces: {b0: {bond: {members: [eth0], mode: 802.3ad, options: {min_links: '2'}}, dhcp: true}}}\n", "--confirm 10m", "default route: lost for 1m0s"},
	{"routes to nowhere", "network: {interfaces: {eth0: {dhcp: true, routes: [{to: 0.0.0.0/1, via: 10.0.2.99}, {to: 128.0.0.0/1, via: 10.0.2.99}]}}}\n", "--confirm 1m", "nobody confirmed it within 1m0s"},
	{"no key", "", "--force --confirm 10m", "SSH server: lost for 1m0s"},
}

// TestTakenBackKinds: whichever way a change cuts the machine off, it returns to the configuration before without anybody
// at the console, and keeps the text.
func TestTakenBackKinds(t *testing.T) {
	needs(t, "network")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, config: rootKey}) // with a default route
	m.until("proa status", "eth0=10.0.2.15/24", bootBudget)
	sound := strings.ReplaceAll(rootKey, "%KEY%", m.key.Authorized)
	for _, c := range cuts {
		t.Run(c.name, func(t *testing.T) {
			m.t = t
			text := sound + c.config
			if c.config == "" {
				text = "version: 1\nk3s: {enabled: false}\n"
			}
			mark := m.Mark()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			_ = m.node.Run(ctx, "proa config apply - "+c.flags, strings.NewReader(text)) // the connection may be lost
			m.expectAfter(mark, "config: the change is taken back: "+c.why, bootBudget)
			m.until("proa status", "eth0=10.0.2.15/24", bootBudget)
			if got := m.run("cat /boot/config.yaml.rejected", nil); !strings.Contains(got, c.why) || !strings.HasSuffix(got, text) {
				t.Errorf("the text that was taken back is not kept: %s", got)
			}
			if got := m.run("cat /boot/config.yaml", nil); got != sound {
				t.Errorf("the configuration is\n%s", got)
			}
		})
	}
}

// TestTakenBackNode: a change with which Kubernetes does not start costs the node's Ready, and is taken back.
func TestTakenBackNode(t *testing.T) {
	needs(t, "network")
	const node = "version: 1\nhostname: edge-1\nssh_authorized_keys: ['%KEY%']\n"
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, config: node})
	m.nodeReady()
	sound := strings.ReplaceAll(node, "%KEY%", m.key.Authorized)
	mark := m.Mark()
	m.run("proa config apply - --confirm 20m && proa restart k3s", strings.NewReader(sound+"k3s: {args: ['--kubelet-arg=address=192.0.2.9']}\n"))
	m.expectAfter(mark, "config: the change is taken back: node Ready: lost for 5m0s", 20*time.Minute)
	m.nodeReady()
	if got := m.run("cat /boot/config.yaml", nil); got != sound {
		t.Errorf("the configuration is\n%s", got)
	}
}
