package netv1_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/foreigntest"
	"github.com/proa-os/proa/config/foreign/foreigntest/cputime"
	"github.com/proa-os/proa/config/foreign/netv1"
)

// translated returns the network section, and what was said; refusals are marked.
func translated(t testing.TB, text string) (section any, said string) {
	t.Helper()
	return foreigntest.Network(t, text, netv1.Translate)
}

func TestTranslate(t *testing.T) {
	for _, c := range []struct{ name, config, want, said string }{
		{"dhcp and static", `[{type: physical, name: eth0, mtu: 1400, subnets: [{type: dhcp, metric: 20}, {type: static, address: 10.0.0.2, netmask: 255.255.254.0,
			gateway: 10.0.0.1, metric: 5, dns_nameservers: [10.0.0.1], dns_search: [lan]}]}]`,
			`interfaces: {eth0: {mtu: 1400, dhcp: true, metric: 20, addresses: [10.0.0.2/23], routes: [{to: default, via: 10.0.0.1, metric: 5}], dns: [10.0.0.1], search: [lan]}}`, ""},
		{"netmask as a number", `[{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2, netmask: 22}]}]`,
			`interfaces: {eth0: {addresses: [10.0.0.2/22], dhcp: false}}`, ""},
		{"netmask with a hole", `[{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2, netmask: 255.0.255.0}]}]`,
			`interfaces: {eth0: {addresses: [10.0.0.2/255.0.255.0], dhcp: false}}`,
			"schema: addresses[0]: want an address of one machine with prefix length, such as 192.168.1.20/24"},
		{"both families", `[{type: physical, name: eth0, subnets: [{type: static6, address: "fd00::2/64", gateway: "fd00::1"}, {type: static, address: 10.0.0.2/24, gateway: 10.0.0.1},
			{type: ipv6_slaac}, {type: dhcp6}]}]`,
			`interfaces: {eth0: {addresses: ["fd00::2/64", 10.0.0.2/24], gateway: "fd00::1", routes: [{to: default, via: 10.0.0.1}], dhcp: false, accept_ra: true, dhcp6: true}}`, ""},
		{"hardware address", `[{type: physical, name: a name, mac_address: "52:54:00:00:00:01", subnets: [{type: manual}]}, {type: vlan, name: v, vlan_link: a name, vlan_id: 3}]`,
			`interfaces: {a-name: {match: {mac: ["52:54:00:00:00:01"]}, dhcp: false}, v: {vlan: {id: 3, link: a-name}, dhcp: false}}`, ""},
		{"a new name", `[{type: physical, name: lan0, mac_address: "52:54:00:00:00:01", subnets: [{type: dhcp}]}, {type: physical, name: cni0, mac_address: "52:54:00:00:00:02"}]`,
			`interfaces: {lan0: {match: {mac: ["52:54:00:00:00:01"]}, rename: true, dhcp: true}, cni0: {match: {mac: ["52:54:00:00:00:02"]}, dhcp: false}}`, ""},
		{"bond", `[{type: physical, name: a}, {type: bond, name: b0, mac_address: "52:54:00:00:00:02", bond_interfaces: [a, b], params: {bond-mode: 4, bond_miimon: 250, bond-lacp-rate: 1, bond-xmit-hash-policy: layer3+4,
			bond-arp-ip-target: 10.0.0.1 10.0.0.2, bond-arp_missed_max: 3, bond-active_slave: a}, subnets: [{type: dhcp4}]}]`,
			`interfaces: {a: {}, b0: {mac: "52:54:00:00:00:02", dhcp: true, bond: {mode: 802.3ad, members: [a, b], mii_monitor: 250, lacp_rate: fast, hash_policy: layer3+4, options: {arp_ip_target: "10.0.0.1,10.0.0.2", arp_missed_max: "3"}}}}`,
			"active_slave: the kernel chooses the member that sends; the bond's primary says which one is preferred"},
		{"bridge", `[{type: bridge, name: br0, bridge_interfaces: [a], params: {bridge_stp: "on", bridge_fd: 4, bridge_pathcost: [a 7], bridge_portprio: a 3}, subnets: [{type: dhcp}]}]`,
			`interfaces: {br0: {dhcp: true, bridge: {stp: true, members: [a], forward_delay: 4, path_cost: {a: 7}, port_priority: {a: 3}}}}`, ""},
		{"name servers and routes", `[{type: physical, name: a, subnets: [{type: static, address: 10.0.0.2/8, routes: [{network: 192.0.2.0, netmask: 255.255.255.0, gateway: 10.0.0.9}, {destination: 0.0.0.0, netmask: 0.0.0.0, gateway: 10.0.0.1}]}]},
			{type: physical, name: b, subnets: [{type: dhcp}]}, {type: route, destination: 198.51.100.0/24, gateway: 10.0.0.8, metric: 4}, {type: nameserver, address: 10.0.0.1, search: [x, y]},
			{type: nameserver, interface: b, address: [10.0.0.7]}, {type: route, destination: 203.0.113.0/24, gateway: 172.16.0.1}]`,
			`{interfaces: {a: {addresses: [10.0.0.2/8], dhcp: false, routes: [{to: 192.0.2.0/24, via: 10.0.0.9}, {to: 0.0.0.0/0, via: 10.0.0.1}, {to: 198.51.100.0/24, via: 10.0.0.8, metric: 4}]}, b: {dhcp: true, dns: [10.0.0.7], routes: [{to: 203.0.113.0/24, via: 172.16.0.1}]}},
			dns: [10.0.0.1], search: [x, y]}`, ""},
		{"a route to nowhere", `[{type: physical, name: a}, {type: physical, name: b}, {type: route, destination: 203.0.113.0/24, gateway: 172.16.0.1}]`, `interfaces: {a: {dhcp: false}, b: {dhcp: false}}`,
			"refused: route: no interface has a network with this gateway; write the route below the subnet of its interface"},
		{"members", `[{type: physical, name: a, subnets: [{type: dhcp}]}, {type: physical, name: b, subnets: [{type: manual}]}, {type: bridge, name: br0, bridge_interfaces: [a, b], ipv6_conf: {autoconf: 0}}]`,
			`interfaces: {a: {}, b: {}, br0: {dhcp: false, bridge: {stp: false, members: [a, b]}}}`,
			"subnets: a member of a bond or bridge has no addresses; say it of the bond or bridge\nipv6_conf: use sysctls, with net.ipv6.conf.NAME.SETTING"},
		{"loopback", `[{type: loopback, name: lo, subnets: [{type: loopback, dns_nameservers: [10.0.0.1], address: 192.0.2.1/32}]}]`,
			`{interfaces: {dummy-lo: {dummy: true, addresses: [192.0.2.1/32]}}, dns: [10.0.0.1]}`,
			"the loopback interface is the kernel's; the address is on a dummy interface, dummy-lo"},
		{"mistakes cost only themselves", `[{type: physcal, name: a}, {type: physical}, x, {type: physical, name: b, subnets: [{type: dchp}, {type: dhcp}]}]`,
			`interfaces: {b: {dhcp: true}}`,
			"refused: config: want a list of devices: - type: physical\n" +
				"refused: config: want type: physical, vlan, bond, bridge, nameserver, route or loopback\n" +
				"refused: config: a device without a name\n" +
				"refused: subnets: want type: dhcp, dhcp6, static, static6, ipv6_slaac or manual"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, said := translated(t, "{version: 1, config: "+c.config+"}")
			if want := foreigntest.Parsed(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if said != c.said {
				t.Errorf("said %s\nwant %s", said, c.said)
			}
		})
	}
}

func TestOff(t *testing.T) {
	got, said := translated(t, "network: {config: disabled}")
	if got != nil || !strings.HasPrefix(said, "config: the network is not turned off here") {
		t.Errorf("got %v, %s", got, said)
	}
}

// TestWorstThatFits: the largest documents take seconds.
func TestWorstThatFits(t *testing.T) {
	for name, part := range map[string]string{
		"labels": "- {type: physical, name: the-same-beginning-%d, mac_address: '52:54:00:00:00:01'}\n",
		"names":  "- {type: vlan, name: v%d}\n",
		"routes": "- {type: route, destination: 10.0.0.0/8, gateway: 10.0.%d.1}\n",
	} {
		var b strings.Builder
		b.WriteString("config:\n- {type: physical, name: a, subnets: [{type: static, address: 10.0.0.2/8}]}\n")
		for i := 0; b.Len() < config.MaxSize-100; i++ {
			fmt.Fprintf(&b, part, i)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(b.String()), &doc); err != nil {
			t.Fatal(err)
		}
		if d := cputime.Of(t, func() { netv1.Translate(draft.New(), doc.Content[0]) }); d > 20*time.Second {
			t.Errorf("%s: %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
	}
}
