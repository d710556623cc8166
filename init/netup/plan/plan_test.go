package plan

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
)

// link returns an interface with index 2 and an MTU of 1500.
func link(name, mac string, kind Kind) Link {
	hw, _ := net.ParseMAC(mac)
	return Link{Link: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name, HardwareAddr: hw, Index: 2, MTU: 1500}}, Kind: kind}
}

// loaded reads a document without problems.
func loaded(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, problems := config.Parse("c.yaml", []byte(doc))
	for _, p := range problems {
		t.Fatal(p)
	}
	return c
}

func text(ops []Op) string {
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintln(&b, op)
	}
	return b.String()
}

const plainSysctls = "sysctl net/ipv4/conf/eth0/promote_secondaries=1\nsysctl net/ipv6/conf/eth0/accept_ra=2\n"

func TestInterface(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		kind      Kind
		want      string
	}{
		{"nothing said", "{}", Wired, plainSysctls + "up\n"},
		{"everything", "network: {interfaces: {eth0: {addresses: [10.0.0.2/24, 'fd00::2/64'], gateway: 10.0.0.1, mtu: 1400, " +
			"routes: [{to: 10.8.0.0/16, via: 10.0.0.254, metric: 5}]}}}", Wired,
			"mtu 1400\n" + plainSysctls + "up\naddress 10.0.0.2/24\naddress fd00::2/64\n" +
				"route 0.0.0.0/0 via 10.0.0.1 metric 100\nroute 10.8.0.0/16 via 10.0.0.254 metric 5\n"},
		{"IPv6", "network: {interfaces: {eth0: {addresses: ['fd00::2/64'], gateway: 'fd00::1'}}}", Wired,
			plainSysctls + "up\naddress fd00::2/64\nroute ::/0 via fd00::1 metric 100\n"},
		{"a cable beside Wi-Fi", "network: {wifi: [{name: Harbour}]}", Wired,
			plainSysctls + "up\nsysctl net/ipv4/conf/eth0/ignore_routes_with_linkdown=1\n"},
		{"Wi-Fi", "network: {wifi: [{name: Harbour}], interfaces: {eth0: {addresses: [10.0.0.2/24], gateway: 10.0.0.1}}}",
			Radio, plainSysctls + "sysctl net/ipv6/conf/eth0/ra_defrtr_metric=263168\nup\naddress 10.0.0.2/24\nroute 0.0.0.0/0 via 10.0.0.1 metric 262244\n"},
		{"the user's sysctls", "sysctls: {net.ipv6.conf.eth0.accept_ra: '0', net/ipv4/conf/eth0/rp_filter: '1', net.ipv4.neigh.eth0.gc_stale_time: '9', " +
			"net.ipv6.conf.all.accept_ra: '1', net.ipv4.conf.all.rp_filter: '2', net.ipv4.conf.eth1.rp_filter: '2'}", Wired,
			plainSysctls + "sysctl net/ipv6/conf/eth0/accept_ra=1\nsysctl net/ipv4/conf/eth0/rp_filter=1\nsysctl net/ipv4/neigh/eth0/gc_stale_time=9\n" +
				"sysctl net/ipv6/conf/eth0/accept_ra=0\nup\n"},
	} {
		if d := cmp.Diff(c.want, text(Interface(loaded(t, c.doc), link("eth0", "", c.kind)))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestEveryRouteHasItsFlags: what the text of an operation leaves out.
func TestEveryRouteHasItsFlags(t *testing.T) {
	ops := Interface(loaded(t, "network: {interfaces: {eth0: {gateway: 10.0.0.1}}}"), link("eth0", "", Wired))
	r, is := ops[len(ops)-1].(PutRoute)
	if !is || r.Flags != int(netlink.FLAG_ONLINK) || r.Protocol != 4 || r.LinkIndex != 0 {
		t.Errorf("%+v", r)
	}
}

// FuzzAcceptedIsPlanned: each address and route that config accepts is an operation.
func FuzzAcceptedIsPlanned(f *testing.F) {
	f.Add("10.0.0.2/24", "10.0.0.1", "10.8.0.0/16")
	f.Add("::ffff:10.0.0.2/120", "::ffff:10.0.0.1", "::/0")
	f.Add("fe80::1/64", "fe80::2", "0.0.0.0/0")
	f.Add("010.0.0.2/24", "10.0.0.1 ", "10.8.0.7/16")
	f.Fuzz(func(t *testing.T, address, hop, to string) {
		const form = "network: {interfaces: {eth0: {addresses: [%q], gateway: %q, routes: [{to: %q, via: %q}]}}}"
		doc := fmt.Sprintf(form, address, hop, to, hop)
		c, problems := config.Parse("c", []byte(doc))
		if len(problems) > 0 {
			return
		}
		addresses, routes := 0, 0
		for _, op := range Interface(c, link("eth0", "", Wired)) {
			switch op.(type) {
			case PutAddress:
				addresses++
			case PutRoute:
				routes++
			}
		}
		s := c.Network.Interfaces["eth0"]
		want := len(s.Routes)
		if s.Gateway != "" {
			want++
		}
		if addresses != len(s.Addresses) || routes != want {
			t.Errorf("%s: %d addresses and %d routes", doc, addresses, routes)
		}
	})
}

func network(cidr string) *net.IPNet {
	ip, n, err := net.ParseCIDR(cidr)
	if err != nil {
		panic(err)
	}
	n.IP = ip
	return n
}

func TestLease(t *testing.T) {
	to := func(cidr string, gw net.IP) netlink.Route { return netlink.Route{Dst: network(cidr), Gw: gw} }
	first := dhcp.Lease{Address: network("10.9.0.15/24"), Gateway: net.IPv4(10, 9, 0, 1), Expire: time.Hour,
		Routes: []netlink.Route{to("10.50.0.0/16", net.IPv4(10, 9, 1, 1)), to("10.9.1.0/24", nil)}}
	terse := dhcp.Lease{Address: first.Address, Expire: dhcp.Forever, MTU: 1460}
	other := dhcp.Lease{Address: network("10.9.0.44/24"), Expire: time.Minute}
	const firstRoutes = "route 10.9.1.0/24 src 10.9.0.15 metric 1026\nroute 10.50.0.0/16 via 10.9.1.1 src 10.9.0.15 metric 1026\n" +
		"route 0.0.0.0/0 via 10.9.0.1 src 10.9.0.15 metric 1026\n"
	no, ofUser := config.Network{}, config.Network{Interfaces: map[string]config.Interface{"eth0": {MTU: 1500}}}
	radioRoutes := strings.ReplaceAll(firstRoutes, "metric 1026", "metric 263170")
	dropped := "drop " + strings.ReplaceAll(strings.TrimSpace(firstRoutes), "\n", "\ndrop ") + "\n"
	for _, c := range []struct {
		name   string
		n      config.Network
		kind   Kind
		now    dhcp.Lease
		before *dhcp.Lease
		plain  int
		want   string
	}{
		{"the first", no, Wired, first, nil, 0, "address 10.9.0.15/24 for 3600 s\n" + firstRoutes},
		{"on Wi-Fi", no, Radio, first, nil, 0, "address 10.9.0.15/24 for 3600 s\n" + radioRoutes},
		{"renewed", no, Wired, first, &first, 0, "address 10.9.0.15/24 for 3600 s\n" + firstRoutes},
		{"fewer routes", no, Wired, terse, &first, 0, "mtu 1460\naddress 10.9.0.15/24\n" + dropped},
		{"another address", no, Wired, other, &first, 0, "address 10.9.0.44/24 for 60 s\ndrop address 10.9.0.15/24\n"},
		{"its MTU undone", no, Wired, other, nil, 9000, "mtu 9000\naddress 10.9.0.44/24 for 60 s\n"},
		{"the user's MTU", ofUser, Wired, terse, nil, 9000, "address 10.9.0.15/24\n"},
	} {
		if d := cmp.Diff(c.want, text(Lease(c.n, link("eth0", "", c.kind), c.now, c.before, c.plain))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if got := text(Lost(first)); got != "drop address 10.9.0.15/24\n" {
		t.Error(got)
	}
}

// TestAlone has the address and the route that docs/contracts.md promises k3s.
func TestAlone(t *testing.T) {
	const want = "create\naddress 203.0.113.254/31\nup\nroute 0.0.0.0/0 via 203.0.113.255 metric 2147483647\n"
	if d := cmp.Diff(want, text(Alone())); d != "" {
		t.Error(d)
	}
}
