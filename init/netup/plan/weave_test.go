package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
)

// at returns an interface with an index, a driver and a master.
func at(index int, name string, kind Kind, driver string, master int) Link {
	l := link(name, fmt.Sprintf("02:00:00:00:00:%02x", index), kind)
	l.Attrs().Index, l.Attrs().MasterIndex, l.Driver = index, master, driver
	return l
}

func tasks(list []Task) (out string) {
	for _, t := range list {
		out += t.String() + "\n"
	}
	return out
}

func TestWeave(t *testing.T) {
	eth0, eth1 := at(2, "eth0", Wired, "e1000", 0), at(3, "eth1", Wired, "virtio_net", 0)
	const bond = "bond0: {bond: {members: [eth0, eth1], primary: eth1, options: {arp_interval: 1000, arp_ip_target: '10.0.0.1,10.0.0.2'}}}"
	for _, c := range []struct {
		name, doc string
		links     []Link
		want      string
	}{
		{"nothing", "eth0: {}", []Link{eth0}, ""},
		{"a bond first", bond, []Link{eth0, eth1},
			"bond0: [create alias proa attribute bonding/mode=active-backup attribute bonding/arp_interval=1000 " +
				"attribute bonding/arp_ip_target=+10.0.0.1 attribute bonding/arp_ip_target=+10.0.0.2]\n"},
		{"then its members", bond, []Link{eth0, eth1, at(9, "bond0", Made, "", 0)},
			"eth0: [down join bond0 up]\neth1: [down join bond0 up]\nbond0: [attribute bonding/primary=eth1]\n"},
		{"one that is plugged in later", bond, []Link{at(2, "eth0", Wired, "", 9), eth1, at(9, "bond0", Made, "", 0)},
			"eth1: [down join bond0 up]\nbond0: [attribute bonding/primary=eth1]\n"},
		{"all done", bond, []Link{at(2, "eth0", Wired, "", 9), at(3, "eth1", Wired, "", 9), at(9, "bond0", Made, "", 0)}, ""},
		{"the bond that its module makes", "bond0: {bond: {mii_monitor: 50}}", []Link{{Link: netlink.NewLinkBond(netlink.LinkAttrs{Name: "bond0", Index: 9})}},
			"bond0: [alias proa down attribute bonding/mode=active-backup attribute bonding/miimon=50]\n"},
		{"another's interface", "d: {bridge: {members: [eth0]}}", []Link{eth0, at(9, "d", Virtual, "", 0)},
			"d: [create alias proa attribute bridge/stp_state=1]\n"},
		{"a bridge", "br0: {bridge: {members: [lan], stp: false, forward_delay: 4, priority: 0, path_cost: {lan: 7}}}\n    lan: {match: {driver: [e1000*]}, mac: '02:00:00:00:00:77'}",
			[]Link{eth0, eth1, at(9, "br0", Made, "", 0)}, "eth0: [down mac 02:00:00:00:00:77 join br0 up attribute brport/path_cost=7]\n"},
		{"a VLAN without its link", "v: {vlan: {id: 5, link: eth7}}", []Link{eth0}, ""},
		{"a VLAN", "v: {vlan: {id: 5, link: lan}}\n    lan: {match: {name: ['*1']}}", []Link{eth0, eth1}, "eth1: [up]\nv: [create alias proa]\n"},
		{"a VLAN of a bond", "bond0: {bond: {}}\n    v: {vlan: {id: 5, link: bond0}}", []Link{at(9, "bond0", Made, "", 0)}, "bond0: [up]\nv: [create alias proa]\n"},
		{"none of ours any more", "br0: {bridge: {members: [eth1]}}", []Link{at(2, "eth0", Wired, "", 9), at(3, "eth1", Wired, "", 9), at(9, "br0", Made, "", 0)},
			"eth0: [leave]\n"},
		{"the cluster's", "br0: {bridge: {members: ['veth*', vethab]}}", []Link{at(2, "vethab", Virtual, "", 5), at(5, "cni0", Virtual, "", 0), at(9, "br0", Made, "", 0)}, ""},
		{"a member of another's bridge", "eth0: {}", []Link{at(2, "eth0", Wired, "", 5), at(5, "ovs", Virtual, "", 0)}, ""},
	} {
		n := loaded(t, "network:\n  interfaces:\n    "+c.doc+"\n").Network
		if d := cmp.Diff(c.want, tasks(Weave(n, c.links))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestWhose: which settings an interface has, and whose member it is.
func TestWhose(t *testing.T) {
	const doc = "network:\n  interfaces:\n    eth0: {mtu: 1001}\n    '02:00:00:00:00:03': {mtu: 1002}\n    a: {mtu: 1003, match: {name: ['eth*'], driver: [virtio*, e1000]}}\n" +
		"    b: {mtu: 1004, match: {mac: ['02:00:00:00:00:05', '02:00:00:00:00:06']}}\n    br0: {mtu: 1005, bridge: {members: [b, eth9]}}\n    d: {dummy: true}\n"
	n := loaded(t, doc).Network
	for _, c := range []struct {
		l      Link
		mtu    int
		dhcp   bool
		master string
	}{
		{at(2, "eth0", Wired, "e1000", 0), 1001, true, ""},
		{at(3, "eth0", Wired, "e1000", 0), 1002, true, ""},
		{at(4, "eth4", Wired, "virtio_net", 0), 1003, true, ""},
		{at(4, "eth4", Wired, "r8169", 0), 0, true, ""},
		{at(4, "enp4", Wired, "e1000", 0), 0, true, ""},
		{at(5, "x", Wired, "", 0), 1004, false, "br0"},
		{at(6, "y", Wired, "", 0), 1004, false, "br0"},
		{at(9, "eth9", Wired, "", 0), 0, false, "br0"},
		{at(9, "br0", Made, "", 0), 1005, true, ""},
		{at(9, "br0", Wired, "", 0), 0, true, ""},   // a device of that name is not the bridge
		{at(5, "br0", Made, "", 0), 1005, true, ""}, // with the address of a member
		{at(10, "d", Made, "", 0), 0, false, ""},
	} {
		s := Settings(n, c.l)
		master, member := Master(n, c.l)
		if s.MTU != c.mtu || *s.DHCP != c.dhcp || master != c.master || member != (master != "") {
			t.Errorf("%s %s: mtu %d, dhcp %t, master %q", c.l.Name(), hardware(c.l), s.MTU, *s.DHCP, master)
		}
	}
	own := at(7, "bonded", Wired, "", 0)
	own.Attrs().PermHWAddr, own.Attrs().HardwareAddr = []byte{2, 0, 0, 0, 0, 3}, []byte{2, 0, 0, 0, 0, 5}
	if s := Settings(n, own); s.MTU != 1002 {
		t.Errorf("the address of its own: %d", s.MTU)
	}
}

func TestAbove(t *testing.T) {
	n := loaded(t, "network:\n  interfaces:\n    lan: {match: {driver: [e1000]}}\n    b: {bond: {members: [lan]}}\n    c: {bridge: {members: [v]}}\n    v: {vlan: {id: 5, link: b}}\n    w: {vlan: {id: 6, link: eth1}}\n").Network
	if got := strings.Join(Above(n, at(2, "eth0", Wired, "e1000", 0)), " "); got != "b c v" {
		t.Error(got)
	}
	if got := strings.Join(Above(n, at(3, "eth1", Wired, "virtio_net", 0)), " "); got != "w" {
		t.Error(got)
	}
}

func TestMember(t *testing.T) {
	c := loaded(t, "network: {interfaces: {br0: {bridge: {members: [eth0]}}, eth0: {mtu: 1400, mac: '02:00:00:00:00:77'}}}")
	const want = "mtu 1400\nsysctl net/ipv4/conf/eth0/promote_secondaries=1\nsysctl net/ipv6/conf/eth0/accept_ra=0\nsysctl net/ipv6/conf/eth0/disable_ipv6=1\nup\n"
	if d := cmp.Diff(want, text(Interface(c, at(2, "eth0", Wired, "", 0)))); d != "" {
		t.Error(d)
	}
}

func TestRoutes(t *testing.T) {
	for doc, want := range map[string]string{
		"{to: default, via: 10.0.0.1}":                                     "route 0.0.0.0/0 via 10.0.0.1 metric 100",
		"{to: default, via: 'fe80::1', on_link: true, metric: 9}":          "route ::/0 via fe80::1 metric 9 onlink",
		"{to: default, via: 10.0.0.1, table: 7}":                           "route 0.0.0.0/0 via 10.0.0.1 metric 0 table 7",
		"{to: 10.8.0.7, source: 10.0.0.2, mtu: 1400}":                      "route 10.8.0.7/32 src 10.0.0.2 metric 0 mtu 1400 scope link",
		"{to: 10.8.0.7/16, via: 'fe80::1'}":                                "route 10.8.0.0/16 via Family: 10, Address: fe80::1 metric 0",
		"{to: 'fd00::/8'}":                                                 "route fd00::/8 metric 0",
		"{to: 10.8.0.0/16, type: blackhole}":                               "route blackhole 10.8.0.0/16 metric 0",
		"{to: 10.8.0.0/16, type: local}":                                   "route local 10.8.0.0/16 metric 0 table 255 scope host",
		"{to: 10.8.0.0/16, via: 10.0.0.1, scope: link, type: unreachable}": "",
		"{to: 10.8.0.0/16, scope: host}":                                   "route 10.8.0.0/16 metric 0 scope host",
	} {
		c, _ := config.Parse("c", []byte("network: {interfaces: {eth0: {dhcp: false, routes: ["+doc+"]}}}"))
		for _, op := range Interface(c, at(2, "eth0", Wired, "", 0)) {
			r, is := op.(PutRoute)
			if !is || want == "" {
				continue
			}
			got := r.String()
			if r.Flags&int(netlink.FLAG_ONLINK) != 0 {
				got += " onlink"
			}
			if r.Scope != 0 {
				got += " scope " + r.Scope.String()
			}
			if got != want {
				t.Errorf("%s: %s; want %s", doc, got, want)
			}
		}
	}
}

// TestRoutesInOrder: what others need for their next hops comes first.
func TestRoutesInOrder(t *testing.T) {
	c := loaded(t, "network: {interfaces: {eth0: {gateway: 10.0.0.1, routes: [{to: 10.7.0.0/16, via: 10.8.0.1}, {to: 10.8.0.0/16}]}}}")
	got := text(Interface(c, at(2, "eth0", Wired, "", 0)))
	if !strings.HasSuffix(got, "up\nroute 10.8.0.0/16 metric 0\nroute 0.0.0.0/0 via 10.0.0.1 metric 100\nroute 10.7.0.0/16 via 10.8.0.1 metric 0\n") {
		t.Error(got)
	}
}

func TestRules(t *testing.T) {
	old := loaded(t, "network: {rules: [{from: 10.0.0.0/8, table: 5}, {to: 'fd00::/8', table: 6, priority: 9}]}").Network.Rules
	now := loaded(t, "network: {rules: [{from: 10.0.0.0/8, table: 5}, {mark: 3, tos: 16, table: 7}]}").Network.Rules
	const want = "drop rule inet6 to fd00::/8 priority 9 table 6\nrule inet fwmark 3 tos 16 table 7\nrule inet6 fwmark 3 tos 16 table 7\n"
	if d := cmp.Diff(want, text(Rules(old, now))); d != "" {
		t.Error(d)
	}
	if got := Rules(now, now); got != nil {
		t.Errorf("%v", got)
	}
}

// TestDifference: what stays is not touched, the new is there before the old goes, and what was set is given back.
func TestDifference(t *testing.T) {
	l := at(2, "eth0", Wired, "", 0)
	for _, c := range []struct{ name, old, now, want string }{
		{"the same", "{addresses: [10.0.0.2/24], gateway: 10.0.0.1, mtu: 1400}", "{addresses: [10.0.0.2/24], gateway: 10.0.0.1, mtu: 1400}", ""},
		{"an address more", "{addresses: [10.0.0.2/24]}", "{addresses: [10.0.0.2/24, 10.0.0.3/24]}", "address 10.0.0.3/24\n"},
		{"another address", "{addresses: [10.0.0.2/24], gateway: 10.0.0.1}", "{addresses: [10.0.1.2/24], gateway: 10.0.1.1}",
			"address 10.0.1.2/24\nroute 0.0.0.0/0 via 10.0.1.1 metric 100\ndrop address 10.0.0.2/24\ndrop route 0.0.0.0/0 via 10.0.0.1 metric 100\nroute 0.0.0.0/0 via 10.0.1.1 metric 100\n"},
		{"from static to DHCP", "{addresses: [10.0.0.2/24]}", "{}", "drop address 10.0.0.2/24\n"},
		{"values given back", "{dhcp: false, mtu: 1400, mac: '02:00:00:00:00:99', metric: 7}", "{dhcp: false}",
			"mac 02:00:00:00:00:02\nmtu 1500\nsysctl net/ipv6/conf/eth0/ra_defrtr_metric=1024\n"},
		{"other values", "{dhcp: false, mtu: 1400}", "{dhcp: false, mtu: 1300}", "mtu 1300\n"},
		{"no routers", "{dhcp: false}", "{dhcp: false, accept_ra: false}", "sysctl net/ipv6/conf/eth0/accept_ra=0\nforget routers\n"},
	} {
		ops := func(s string) []Op { return Interface(loaded(t, "network: {interfaces: {eth0: "+s+"}}"), l) }
		if d := cmp.Diff(c.want, text(Difference(l, ops(c.old), ops(c.now)))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestUnmade(t *testing.T) {
	const old = "b: {bond: {members: [eth0]}}\n    c: {bridge: {stp: false}}\n    d: {dummy: true}\n    v: {vlan: {id: 5, link: b}}\n    w: {vlan: {id: 6, link: b}}\n"
	const now = "b: {bond: {members: [eth0, eth1]}, mtu: 1400}\n    c: {bridge: {}}\n    d: {addresses: [10.0.0.1/32]}\n    v: {vlan: {id: 5, link: b}}\n    w: {vlan: {id: 7, link: b}}\n"
	network := func(s string) config.Network { return loaded(t, "network:\n  interfaces:\n    "+s).Network }
	var all []Link
	for i, name := range []string{"b", "c", "d", "v", "w", "gone"} {
		all = append(all, at(10+i, name, Made, "", 0))
	}
	var got []string
	for _, l := range Unmade(network(old), network(now), append(all, at(2, "eth0", Wired, "", 0), at(3, "cni0", Virtual, "", 0))) {
		got = append(got, l.Name())
	}
	if want := "c d w gone"; strings.Join(got, " ") != want {
		t.Errorf("%v; want %s", got, want)
	}
}
