package netup

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/netup/links"
)

// macOf gives an interface an address of its own.
func macOf(t *testing.T, name string, n byte) {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	must(t, netlink.LinkSetHardwareAddr(l, net.HardwareAddr{2, 0, 0, 0, 1, n}))
}

// TestRename: cards get the names of the configuration: at the boot, by a change, two of them each other's, one that is
// plugged in later, and a name that is not to be had; and their own ones back.
func TestRename(t *testing.T) {
	if !inside(t) {
		return
	}
	const lan = "lan%d: {match: {mac: ['02:00:00:00:01:%02x']}, rename: true, addresses: [10.9.%d.2/24]}\n"
	name := func(name, card int) string { return fmt.Sprintf(lan, name, card, card) }
	wire(t, 0, "10.9.0.1/24")
	wire(t, 1, "10.9.1.1/24")
	macOf(t, "p0-dev", 0)
	macOf(t, "p1-dev", 1)
	vlan, vlanUp := "", func() bool { return true }
	if first, err := netlink.LinkByName("p0-dev"); err == nil && hasVLANs(t, first) {
		vlan = "v5: {vlan: {id: 5, link: lan0}, addresses: [10.9.50.2/24], gateway: 10.9.50.1}\n"
		vlanUp = func() bool { return has("v5", "10.9.50.2/24")() && hasRoute() }
	}
	// the second one gets the name of the first
	c := up(t, network(t, name(0, 0)+"p0-dev: {match: {mac: ['02:00:00:00:01:01']}, rename: true, addresses: [10.9.1.2/24]}\n"+vlan),
		"p0-dev", "p1-dev", "p2-dev", "p3-dev", "lan0", "lan1", "lan2", "dummy7")
	c.until(t, "the first, renamed", has("lan0", "10.9.0.2/24"))
	c.until(t, "the second, with the name of the first", has("p0-dev", "10.9.1.2/24"))
	c.until(t, "an answer", answers("10.9.0.1"))
	c.until(t, "a VLAN by the new name, with its route", vlanUp)

	c.change(t, network(t, name(1, 0)+name(0, 1)+vlan))
	c.until(t, "the first by another name", has("lan1", "10.9.0.2/24"))
	c.until(t, "the second by the name of the first", has("lan0", "10.9.1.2/24"))
	c.change(t, network(t, name(0, 0)+name(1, 1)+vlan))
	c.until(t, "the two swapped", func() bool { return has("lan0", "10.9.0.2/24")() && has("lan1", "10.9.1.2/24")() })
	c.until(t, "answers", func() bool { return answers("10.9.0.1")() && answers("10.9.1.1")() })
	c.until(t, "the VLAN's route", vlanUp)
	if has("lan0", "10.9.1.2/24")() || has("lan1", "10.9.0.2/24")() {
		t.Error("an address of the other one stayed")
	}

	all := name(0, 0) + name(1, 1) + name(2, 2)
	c.change(t, network(t, all))
	at := netlink.LinkAttrs{Name: "p2-dev", HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 1, 2}}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: at, PeerName: "p2-net"}))
	c.until(t, "the one that is plugged in later", has("lan2", "10.9.2.2/24"))
	if names := c.begunNames(); names != "lan0 lan1 lan2" {
		t.Errorf("managed: %s", names)
	}

	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "other"}}))
	c.change(t, network(t, all+"other: {match: {mac: ['02:00:00:00:01:03']}, rename: true, addresses: [10.9.3.2/24]}"))
	at = netlink.LinkAttrs{Name: "p3-dev", HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 1, 3}}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: at, PeerName: "p3-net"}))
	c.until(t, "its settings under its own name", has("p3-dev", "10.9.3.2/24"))
	c.until(t, "the reason", func() bool { return strings.Contains(c.log(), "network p3-dev: it keeps its name") })

	c.change(t, network(t, "p0-dev: {addresses: [10.9.0.3/24]}\np1-dev: {dhcp: false}\np2-dev: {dhcp: false}\np3-dev: {dhcp: false}"))
	c.until(t, "its own name again", func() bool { return has("p0-dev", "10.9.0.3/24")() && links.Exists("p1-dev") })
	c.until(t, "an answer under it", answers("10.9.0.1"))
	time.Sleep(300 * time.Millisecond) // for late events
	if names := c.begunNames(); names != "p0-dev p1-dev p2-dev p3-dev" || has("p0-dev", "10.9.0.2/24")() {
		t.Errorf("managed: %s", names)
	}
	if t.Logf("said:\n%s", c.log()); strings.Count(c.log(), "keeps its name") != 1 {
		t.Error("said too often")
	}
}

// hasVLANs says whether this kernel can make VLANs.
func hasVLANs(t *testing.T, parent netlink.Link) bool {
	probe := &netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "probe", ParentIndex: parent.Attrs().Index}, VlanId: 9}
	if netlink.LinkAdd(probe) != nil {
		t.Log("this kernel has no VLANs; those of renamed interfaces are not looked at")
		return false
	}
	must(t, netlink.LinkDel(probe))
	return true
}

func (c *client) begunNames() string {
	var names []string
	for _, p := range c.ports() {
		names = append(names, p.plain.Name())
	}
	return strings.Join(names, " ")
}
