package config

import (
	"strings"
	"testing"
)

// TestConflicts: of settings that exclude each other one stays, the rest of the document is used, and the message has the place.
func TestConflicts(t *testing.T) {
	const form = "hostname: a\nnetwork:\n  interfaces:\n"
	for name, c := range map[string]struct {
		doc, want string
		holds     func(Network) bool
	}{
		"two kinds": {"    x:\n      bond: {members: [eth0]}\n      bridge: {members: [eth1]}\n", "4:5: network.interfaces: bond and bridge exclude each other in one interface; bridge is left out\n",
			func(n Network) bool { return n.Interfaces["x"].Bond != nil && n.Interfaces["x"].Bridge == nil }},
		"made and matched": {"    x: {dummy: true, match: {name: ['en*']}, mtu: 1400}\n", "dummy and match exclude each other",
			func(n Network) bool {
				return n.Interfaces["x"].Dummy && n.Interfaces["x"].MTU == 1400 && n.Interfaces["x"].Match.Empty()
			}},
		"the cluster's name": {"    cni0: {bridge: {members: [eth0]}}\n", "nothing is made with this name",
			func(n Network) bool { return !n.Interfaces["cni0"].Made() }},
		"a template":                    {"    'br%d': {bridge: {members: [eth0]}}\n", "nothing is made with this name", func(n Network) bool { return !n.Interfaces["br%d"].Made() }},
		"a new name":                    {"    lan: {match: {mac: ['02:00:00:00:00:01']}, rename: true}\n", "", func(n Network) bool { return n.Interfaces["lan"].Rename }},
		"a new name for whom?":          {"    lan: {match: {driver: [e1000]}, rename: true}\n", "rename needs match with one mac", func(n Network) bool { return !n.Interfaces["lan"].Rename }},
		"a new name for what is made":   {"    lan: {dummy: true, rename: true}\n", "rename needs match with one mac", func(n Network) bool { return n.Interfaces["lan"].Dummy }},
		"the cluster's name for a card": {"    cni0: {match: {mac: ['02:00:00:00:00:01']}, rename: true}\n", "no interface gets this name", func(n Network) bool { return !n.Interfaces["cni0"].Rename }},
		"a new name by the old": {"    lan: {match: {mac: ['02:00:00:00:00:01'], name: ['eth*']}, rename: true}\n", "found by mac alone",
			func(n Network) bool { return n.Interfaces["lan"].Rename && n.Interfaces["lan"].Match.Name == nil }},
		"a VLAN of itself": {"    v: {vlan: {id: 2, link: v}}\n", "a loop of interfaces", func(n Network) bool { return !n.Interfaces["v"].Made() }},
		"a loop of three": {"    a: {bond: {members: [b, eth0]}}\n    b: {bridge: {members: [c]}}\n    c: {vlan: {id: 2, link: a}}\n", "4:5: network.interfaces: it is made of itself: a loop of interfaces; b is left out of it\n",
			func(n Network) bool {
				return strings.Join(n.Interfaces["a"].Members(), " ") == "eth0" && n.Interfaces["c"].VLAN != nil
			}},
		"two masters": {"    a: {bond: {members: [eth0]}}\n    b: {bridge: {members: [eth0, eth1]}}\n", "5:5: network.interfaces: eth0 is a member of a already; it is left out of b\n",
			func(n Network) bool { return strings.Join(n.Interfaces["b"].Members(), " ") == "eth1" }},
		"a member with addresses": {"    a: {bond: {members: [eth0]}}\n    eth0: {addresses: [10.0.0.2/24], mtu: 9000}\n", "give addresses to a",
			func(n Network) bool {
				return n.Interfaces["eth0"].Addresses == nil && n.Interfaces["eth0"].MTU == 9000
			}},
		"a member without":  {"    a: {bond: {members: [eth0]}}\n    eth0: {dhcp: false}\n", "", func(n Network) bool { return !*n.Interfaces["eth0"].DHCP }},
		"another's primary": {"    a: {bond: {members: [eth0], primary: eth1}}\n", "primary is none of the members", func(n Network) bool { return n.Interfaces["a"].Bond.Primary == "" }},
		"primary of 802.3ad": {"    a: {bond: {members: [eth0], primary: eth0, mode: 802.3ad, lacp_rate: fast}}\n", "primary needs the mode",
			func(n Network) bool { return n.Interfaces["a"].Bond.LACPRate == "fast" }},
		"another's cost": {"    a: {bridge: {members: [eth0], path_cost: {eth1: 5, eth0: 6}}}\n", "path_cost is of none of the members",
			func(n Network) bool { return len(n.Interfaces["a"].Bridge.PathCost) == 1 }},
		"families": {"    eth0: {routes: [{to: 'fd00::/8', via: 10.0.0.1}, {to: default, via: 'fe80::1'}]}\n", "an IPv6 route has an IPv4 next hop; the route is left out",
			func(n Network) bool { return len(n.Interfaces["eth0"].Routes) == 1 }},
		"a blackhole by way of": {"    eth0: {routes: [{to: 10.0.0.0/8, via: 10.0.0.1, type: blackhole}]}\n", "a route of type blackhole has no via",
			func(n Network) bool { return n.Interfaces["eth0"].Routes[0].Via == "" }},
		"a rule of two families": {"    eth0: {}\n  rules: [{from: 10.0.0.0/8, to: 'fd00::/8', table: 5}, {from: 10.0.0.0/8, table: 6}]\n", "network.rules: from and to are of different address families",
			func(n Network) bool { return len(n.Rules) == 1 && n.Rules[0].Table == 6 }},
		"a bond with a mistake": {"    a: {bond: {members: [eth0], mode: bogus, up_delay: 100}}\n", "4:39: mode: want one of",
			func(n Network) bool {
				b := n.Interfaces["a"].Bond
				return b != nil && b.Mode == "active-backup" && b.MIIMonitor == 100 && b.UpDelay == 100
			}},
		"half a VLAN": {"    a: {mtu: 1400, vlan: {id: 5}}\n", "link", func(n Network) bool { return !n.Interfaces["a"].Made() && n.Interfaces["a"].MTU == 1400 }},
		"two gateways": {"    eth0: {gateway: 10.0.0.1}\n    eth1: {gateway: 10.0.1.1}\n", "eth0 has a gateway of the same metric",
			func(n Network) bool { return n.Interfaces["eth1"].Gateway != "" }},
		"two gateways in order": {"    eth0: {gateway: 10.0.0.1}\n    eth1: {gateway: 10.0.1.1, metric: 7}\n    eth2: {gateway: 'fd00::1'}\n", "",
			func(n Network) bool { return true }},
	} {
		got, text := problems(t, form+c.doc, "")
		if text != c.want && (c.want == "" || !strings.Contains(text, c.want) || strings.Count(text, "\n") != 1) {
			t.Errorf("%s: %q; want %q", name, text, c.want)
		}
		if !c.holds(got.Network) || got.Hostname != "a" {
			t.Errorf("%s: %+v", name, got.Network)
		}
	}
}
