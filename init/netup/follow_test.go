package netup

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestLeaseOfMade: a bridge, and a bond where the kernel has them, gets a lease by way of its members, also after these
// were plugged into another network.
func TestLeaseOfMade(t *testing.T) {
	if !inside(t) {
		return
	}
	ownSysfs(t)
	docs := map[string]string{"bridge": "m: {bridge: {members: [p0-dev], stp: false}}"}
	if probe := netlink.NewLinkBond(netlink.LinkAttrs{Name: "probe"}); netlink.LinkAdd(probe) == nil {
		must(t, netlink.LinkDel(probe))
		docs["bond"] = "m: {bond: {members: [p0-dev], mii_monitor: 50}}"
	}
	for kind, doc := range docs {
		t.Run(kind, func(t *testing.T) {
			l, f := wire(t, 0, "10.9.0.1/24")
			s := &server{net: []byte{10, 9, 0, 0}, host: 15, lease: time.Hour}
			s.start(t, f, "p0-net")
			c := up(t, network(t, doc), "p0-dev")
			c.until(t, "a lease", has("m", "10.9.0.15/24"))
			if has("p0-dev", "10.9.0.15/24")() {
				t.Error("the member has it too")
			}
			s.change(func() { s.net, s.host, s.id = []byte{10, 9, 77, 0}, 33, 2 })
			must(t, f.LinkSetDown(f.link(t, "p0-net")))
			time.Sleep(500 * time.Millisecond)
			must(t, f.LinkSetUp(f.link(t, "p0-net")))
			c.until(t, "a lease of the other network", has("m", "10.9.77.33/24"))
			c.until(t, "the old one to be gone", func() bool { return !has("m", "10.9.0.15/24")() })
			must(t, netlink.LinkDel(l)) // unplugged, and plugged in again
			c.until(t, "it to be gone", gone("p0-dev"))
			_, f = wire(t, 0, "10.9.77.1/24")
			again := &server{net: s.net, host: 34, id: 3, lease: time.Hour}
			again.start(t, f, "p0-net")
			c.until(t, "it as a member again", memberOf("p0-dev", "m"))
			c.until(t, "a lease by it", has("m", "10.9.77.34/24"))
			c.change(t, network(t, "p0-dev: {optional: true, dhcp: false}"))
			c.until(t, "it to be no more", gone("m"))
			last, err := netlink.LinkByName("p0-dev")
			must(t, err)
			must(t, netlink.LinkDel(last))
		})
	}
}

// TestReplugged: a VLAN comes back with the interface that carries it.
func TestReplugged(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	if err := netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "probe", ParentIndex: l.Attrs().Index}, VlanId: 9}); err != nil {
		t.Skipf("this kernel has no VLANs: %v", err)
	}
	c := up(t, network(t, "p0-dev: {addresses: [10.9.0.2/24]}\nv: {vlan: {id: 5, link: p0-dev}, addresses: [10.9.5.2/24]}"), "p0-dev")
	c.until(t, "the VLAN", has("v", "10.9.5.2/24"))
	must(t, netlink.LinkDel(l))
	c.until(t, "it to be gone", gone("v"))
	wire(t, 0, "10.9.0.1/24")
	c.until(t, "it again", has("v", "10.9.5.2/24"))
	c.until(t, "an answer", answers("10.9.0.1"))
}

// TestRouterSettings: accept_ra and metric, as they are changed.
func TestRouterSettings(t *testing.T) {
	if !inside(t) {
		return
	}
	l, f := wire(t, 0, "fe80::1/64")
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644))
	send := router(t, f, "p0-net", func() []byte { return advert("2001:db8:1::/64", rdnss(600, "2001:db8:1::53")) })
	c := up(t, network(t, "p0-dev: {dhcp: false, accept_ra: false}"), "p0-dev")
	addressed := func() bool {
		list, err := netlink.AddrList(l, netlink.FAMILY_V6)
		must(t, err)
		for _, a := range list {
			if strings.HasPrefix(a.IP.String(), "2001:db8:1:") {
				return true
			}
		}
		return false
	}
	metric := func() int {
		routes, err := netlink.RouteList(l, netlink.FAMILY_V6)
		must(t, err)
		for _, r := range routes {
			if r.Gw != nil && r.Protocol == unix.RTPROT_RA {
				return r.Priority
			}
		}
		return 0
	}
	time.Sleep(2 * time.Second) // for the link-local address to be usable
	send()
	time.Sleep(time.Second)
	if addressed() || metric() != 0 || strings.Contains(c.resolv(), "2001:db8:1::53") {
		t.Error("the router is heard")
	}
	c.change(t, network(t, "p0-dev: {dhcp: false, metric: 77}"))
	send()
	c.until(t, "an address, a route of that metric and a name server", func() bool {
		return addressed() && metric() == 77 && strings.Contains(c.resolv(), "2001:db8:1::53")
	})
	c.change(t, network(t, "p0-dev: {dhcp: false, accept_ra: false}"))
	if addressed() || metric() != 0 {
		t.Error("what the router said is there still")
	}
	c.until(t, "its name server to be gone", func() bool { return !strings.Contains(c.resolv(), "2001:db8:1::53") })
}
