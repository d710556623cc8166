package netdata_test

import (
	"reflect"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/foreigntest"
	"github.com/proa-os/proa/config/foreign/netdata"
)

func TestTranslate(t *testing.T) {
	const card = `{"id": "tap0a1b2c3d-4e", "type": "ovs", "vif_id": "x", "mtu": 1450, "ethernet_mac_address": "fa:16:3e:00:00:01"}`
	for _, c := range []struct{ name, config, want, said string }{
		{"dhcp", `{"links": [` + card + `], "networks": [{"id": "network0", "link": "tap0a1b2c3d-4e", "type": "ipv4_dhcp", "network_id": "n"}], "services": []}`,
			`interfaces: {tap0a1b2c3d-4e: {match: {mac: ["fa:16:3e:00:00:01"]}, mtu: 1450, dhcp: true}}`, ""},
		{"a name", `{"links": [{"id": "tap0", "type": "phy", "name": "lan0", "ethernet_mac_address": "fa:16:3e:00:00:01"}], "networks": [{"link": "tap0", "type": "ipv6_slaac"}]}`,
			`interfaces: {lan0: {match: {mac: ["fa:16:3e:00:00:01"]}, rename: true, dhcp: false, accept_ra: true}}`, ""},
		{"static, both families", `{"links": [` + card + `], "networks": [
			{"id": "network0", "link": "tap0a1b2c3d-4e", "type": "ipv4", "ip_address": "10.1.2.3", "netmask": "255.255.252.0",
			 "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.1.0.1"}, {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.1.0.2"}],
			 "services": [{"type": "dns", "address": "10.1.0.53"}]},
			{"id": "network1", "link": "tap0a1b2c3d-4e", "type": "ipv6", "ip_address": "2001:db8::3", "netmask": "ffff:ffff:ffff:ffff::",
			 "routes": [{"network": "::", "netmask": "::", "gateway": "2001:db8::1"}]}],
			"services": [{"type": "dns", "address": "192.0.2.53"}]}`,
			`{interfaces: {tap0a1b2c3d-4e: {match: {mac: ["fa:16:3e:00:00:01"]}, mtu: 1450, addresses: [10.1.2.3/22, "2001:db8::3/64"], dns: [10.1.0.53],
			routes: [{to: 0.0.0.0/0, via: 10.1.0.1}, {to: 10.9.0.0/16, via: 10.1.0.2}, {to: "::/0", via: "2001:db8::1"}], dhcp: false, accept_ra: false}}, dns: [192.0.2.53]}`, ""},
		{"prefix, gateway, and what DHCP and routers say", `{"links": [` + card + `], "networks": [
			{"link": "tap0a1b2c3d-4e", "type": "ipv4", "ip_address": "10.1.2.3/22", "gateway": "10.1.0.1"},
			{"link": "tap0a1b2c3d-4e", "type": "ipv6_dhcpv6-stateful"}, {"link": "tap0a1b2c3d-4e", "type": "ipv6", "ip_address": "2001:db8::3/64"}]}`,
			`interfaces: {tap0a1b2c3d-4e: {match: {mac: ["fa:16:3e:00:00:01"]}, mtu: 1450, addresses: [10.1.2.3/22, "2001:db8::3/64"], gateway: 10.1.0.1, dhcp6: true, dhcp: false, accept_ra: true}}`, ""},
		{"bond and VLANs", `{"links": [
			{"id": "a", "type": "phy", "ethernet_mac_address": "a0:36:9f:00:00:01"}, {"id": "b", "type": "phy", "ethernet_mac_address": "A0-36-9F-00-00-02", "mtu": null},
			{"id": "up", "type": "bond", "bond_links": ["a", "b"], "bond_mode": "802.3ad", "bond_miimon": 100, "bond_xmit_hash_policy": "layer3+4", "ethernet_mac_address": "a0:36:9f:00:00:01"},
			{"id": "v0", "type": "vlan", "vlan_id": 101, "vlan_link": "up", "vlan_mac_address": "a0:36:9f:00:00:01"},
			{"id": "v1", "type": "vlan", "vlan_id": 101, "vlan_link": "b", "vlan_mac_address": "a0:36:9f:00:00:02"}],
			"networks": [{"id": "network0", "link": "v0", "type": "ipv4_dhcp"}, {"id": "network1", "link": "a", "type": "ipv4_dhcp"}], "services": []}`,
			`interfaces: {a: {match: {mac: ["a0:36:9f:00:00:01"]}}, b: {match: {mac: ["A0:36:9F:00:00:02"]}},
			bond0: {bond: {mode: 802.3ad, members: [a, b], mii_monitor: 100, hash_policy: layer3+4}, mac: "a0:36:9f:00:00:01", dhcp: false},
			vlan101: {vlan: {id: 101, link: bond0}, mac: "a0:36:9f:00:00:01", dhcp: true}, vlan101-2: {vlan: {id: 101, link: b}, mac: "a0:36:9f:00:00:02", dhcp: false}}`,
			"networks: a member of a bond has no addresses; say it of the bond"},
		{"mistakes cost only themselves", `{"links": [` + card + `, {"type": "phy"}, {"id": "c", "type": "phy", "name": "eth7"}],
			"networks": [{"link": "gone", "type": "ipv4"}, {"link": "c", "type": "ipx"}, {"link": "c", "type": "ipv4"}, {"link": "c", "type": "ipv4_dhcp", "routes": [{"gateway": "10.0.0.1"}]}],
			"services": [{"type": "ntp", "address": "192.0.2.1"}, {"type": "dns"}], "netwroks": []}`,
			`interfaces: {tap0a1b2c3d-4e: {match: {mac: ["fa:16:3e:00:00:01"]}, mtu: 1450, dhcp: false}, eth7: {dhcp: true}}`,
			"refused: unknown key \"netwroks\"; did you mean \"networks\"?\n" +
				"refused: links: want an id, which no other link has\n" +
				"refused: networks: want link: the id of one of links\n" +
				"refused: networks: want type: ipv4, ipv4_dhcp, ipv6, ipv6_slaac, ipv6_dhcpv6-stateful or ipv6_dhcpv6-stateless\n" +
				"refused: networks: a network of this type needs ip_address\n" +
				"refused: routes: a route without a network\n" +
				"services: only dns is read here; for time servers use ntp\n" +
				"refused: services: a name server without an address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, said := foreigntest.Network(t, c.config, netdata.Translate)
			if want := foreigntest.Parsed(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if said != c.said {
				t.Errorf("said %s\nwant %s", said, c.said)
			}
		})
	}
}

func FuzzTranslate(f *testing.F) {
	f.Add(`{"links": [{"id": "a", "type": "bond", "bond_links": ["a"]}], "networks": [{"link": "a", "type": "ipv4", "ip_address": "::"}], "services": [1]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) == nil && len(doc.Content) > 0 {
			netdata.Translate(draft.New(), doc.Content[0])
		}
	})
}
