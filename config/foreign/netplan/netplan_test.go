package netplan_test

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
	"github.com/proa-os/proa/config/foreign/netplan"
)

// translated returns the network section, and what was said; refusals are marked.
func translated(t testing.TB, text string) (section any, said string) {
	t.Helper()
	return foreigntest.Network(t, text, netplan.Translate)
}

const keeps = "set-name: the interface keeps the kernel's name, because an interface gets another one only if `match` has its " +
	"macaddress, and no other device has that name; this document's references to it are kept"

func TestTranslate(t *testing.T) {
	for _, c := range []struct{ name, text, want, said string }{
		{"static", `{version: 2, ethernets: {lan0: {addresses: [10.1.2.3/24, "fd00::3/64"], gateway4: 10.1.2.1, gateway6: "fd00::1", mtu: 1400,
			nameservers: {addresses: [10.1.2.1, "fd00::1"], search: [Lan.example.org, b]}}}}`,
			`interfaces: {lan0: {addresses: [10.1.2.3/24, "fd00::3/64"], dhcp: false, gateway: 10.1.2.1, mtu: 1400,
			routes: [{to: default, via: "fd00::1"}], dns: [10.1.2.1, "fd00::1"], search: [lan.example.org, b]}}`, ""},
		{"dhcp with habits of YAML 1.1", `{network: {ethernets: {a: {dhcp4: yes, dhcp6: on, accept-ra: no}, b: {}}}}`,
			`interfaces: {a: {dhcp: true, dhcp6: true, accept_ra: false}, b: {dhcp: false}}`, ""},
		{"both forms", `{version: 2, ethernets: {a: {dhcp4: true}}, network: {ethernets: {b: {dhcp4: true}}}}`,
			`interfaces: {b: {dhcp: true}}`, "ethernets: not read, because there is `network` too, and what is below it counts"},
		{"match", `{ethernets: {nice label: {match: {driver: [virtio_net, "e1000*"], name: "en* eth*", macaddress: "52:54:00:01:02:03"}, dhcp4: true}}}`,
			`interfaces: {nice-label: {match: {driver: [virtio_net, "e1000*"], name: ["en*", "eth*"], mac: ["52:54:00:01:02:03"]}, dhcp: true}}`, ""},
		{"match all", `{ethernets: {all: {match: {}, dhcp4: true}}}`, `interfaces: {all: {match: {name: ["*"]}, dhcp: true}}`, ""},
		{"a pattern that is broken", `{ethernets: {a: {match: {name: "en*", macaddress: "52:54"}, addresses: [10.0.0.2/8]}, b: {match: {name: "!eth0"}}, c: {}}}`, `interfaces: {c: {dhcp: false}}`,
			"refused: match: want a hardware address such as 52:54:00:12:34:56; the device is left out, because more interfaces than are meant would fit the rest\n" +
				"refused: match: want patterns that do not exclude; the device is left out, because more interfaces than are meant would fit the rest"},
		{"labels that collide", `{ethernets: {a-long-label-for-one: {match: {name: x}}, a-long-label-for-two: {match: {name: y}}}}`,
			`interfaces: {a-long-label-fo: {match: {name: [x]}, dhcp: false}, a-long-label--2: {match: {name: [y]}, dhcp: false}}`, ""},
		{"routes and rules", `{ethernets: {a: {addresses: [10.0.0.2/24], routes: [{to: 10.9.0.0/16, via: 10.0.0.9, metric: 7, table: 12,
			on-link: true, from: 10.0.0.2, mtu: 1300, scope: global}, {to: 192.0.2.0/24, via: 10.0.0.9, type: blackhole}, {to: 224.0.0.0/4, type: multicast}],
			routing-policy: [{from: 10.0.0.2, table: 12, priority: 9, mark: 3, type-of-service: 8}, {to: "fd00::/8"}]}}}`,
			`{interfaces: {a: {addresses: [10.0.0.2/24], dhcp: false, routes: [{to: 10.9.0.0/16, via: 10.0.0.9, metric: 7, table: 12, on_link: true,
			source: 10.0.0.2, mtu: 1300, scope: global}, {to: 192.0.2.0/24, type: blackhole}]}},
			rules: [{from: 10.0.0.2/32, table: 12, priority: 9, mark: 3, tos: 8}, {to: "fd00::/8", table: 254}]}`,
			"via: a route of type blackhole sends nothing, and has no next hop\ntype: routes of this type are not made here; the route is left out"},
		{"metrics", `{ethernets: {a: {dhcp4: true, dhcp4-overrides: {route-metric: 50}}, b: {dhcp4: true, dhcp4-overrides: {use-routes: false}, addresses: [10.0.0.2/8], gateway4: 10.0.0.1}, c: {dhcp4: true}},
			wifis: {w: {dhcp4: true, access-points: {Pier: {}}}}}`,
			`{interfaces: {a: {dhcp: true, metric: 50}, b: {dhcp: true, metric: 1073741824, addresses: [10.0.0.2/8], routes: [{to: default, via: 10.0.0.1}]},
			c: {dhcp: true, metric: 100}, w: {dhcp: true, metric: 601}}, wifi: [{name: Pier}]}`,
			"use-routes: routes from DHCP are used if there are no others: they have the metric 1073741824"},
		{"bond", `{ethernets: {a: {dhcp4: true, dhcp6: false, mtu: 9000, link-local: []}, b: {match: {macaddress: "52:54:00:00:00:01"}, addresses: [10.0.0.2/8]}}, bonds: {bond0: {interfaces: [a, b], dhcp4: true,
			parameters: {mode: active-backup, primary: b, mii-monitor-interval: 1s, up-delay: 200, arp-ip-targets: [10.0.0.1, 10.0.0.2], all-members-active: true, learn-packet-interval: 5}}}}`,
			`interfaces: {a: {mtu: 9000}, b: {match: {mac: ["52:54:00:00:00:01"]}}, bond0: {dhcp: true, bond: {mode: active-backup, members: [a, b], primary: b,
			mii_monitor: 1000, up_delay: 200, options: {arp_ip_target: "10.0.0.1,10.0.0.2", all_slaves_active: "1", lp_interval: "5"}}}}`,
			"dhcp4: a member of a bond or bridge has no addresses; say it of the bond or bridge\n" +
				"addresses: a member of a bond or bridge has no addresses; say it of the bond or bridge"},
		{"bond of nothing", `{bonds: {bond0: {}}}`, `interfaces: {bond0: {dhcp: false, bond: {mode: balance-rr}}}`, ""},
		{"bridge", `{ethernets: {a: {}}, bridges: {br0: {interfaces: [a], parameters: {ageing-time: 50, forward-delay: 4s, path-cost: {a: 70}, port-priority: {a: 14}, priority: 5}}, br1: {}}}`,
			`interfaces: {a: {}, br0: {dhcp: false, bridge: {stp: true, members: [a], ageing: 50, forward_delay: 4, path_cost: {a: 70}, port_priority: {a: 14}, priority: 5}},
			br1: {dhcp: false, bridge: {stp: false}}}`, ""},
		{"vlan on a label", `{ethernets: {up link: {match: {name: "en*"}}}, vlans: {v7: {id: 7, link: up link, addresses: [10.0.0.2/8]}}}`,
			`interfaces: {up-link: {match: {name: ["en*"]}, dhcp: false}, v7: {vlan: {id: 7, link: up-link}, addresses: [10.0.0.2/8], dhcp: false}}`, ""},
		{"Wi-Fi", `{wifis: {wlan0: {regulatory-domain: DE, access-points: {One: {password: "12345678"}, Two: {hidden: true, auth: {key-management: sae, password: fair winds}},
			Three: {auth: {key-management: none}}, Four: {auth: {key-management: eap, identity: a}}, Five: {mode: ap}, One: {password: "87654321"}}}}}`,
			`{interfaces: {wlan0: {dhcp: false}}, wifi_country: DE, wifi: [{name: One, passphrase: "87654321"}, {name: Two, hidden: true, passphrase: fair winds}, {name: Three}]}`,
			"duplicate key; this one counts, the one in line 1 does not\n" +
				"auth: networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase; this one is left out\n" +
				"mode: the machine can join networks, and make none; this one is left out"},
		{"loopback", `{ethernets: {lo: {addresses: [127.0.0.1/8, 192.0.2.7/32]}}}`, `interfaces: {dummy-lo: {dummy: true, addresses: [192.0.2.7/32], dhcp: false}}`,
			"the loopback interface is the kernel's; the addresses are on a dummy interface, dummy-lo"},
		{"what stays as it is says nothing", `{renderer: networkd, ethernets: {a: {critical: false, wakeonlan: no, ipv6-privacy: false, dhcp-identifier: mac, dhcp4: true, link-local: [ipv6],
			dhcp4-overrides: {use-dns: true, send-hostname: true}}}}`, `interfaces: {a: {dhcp: true}}`, ""},
		{"what has no effect", `{renderer: NetworkManager, tunnels: {t: {}}, ethernets: {a: {link-local: [], wakeonlan: true, future-key: 1}}}`,
			`interfaces: {a: {dhcp: false, accept_ra: false}}`,
			"renderer: proa sets up the network itself; no other program does\n" +
				"tunnels: tunnels are not made here; make it in a container with hostNetwork, or with k3s' own network\n" +
				"wakeonlan: set it in the firmware; proa does not change it\n" +
				"a key that nothing here reads"},
		{"mistakes cost only themselves", `{ethernets: {a: {dhcp4: perhaps, adresses: [10.0.0.2/8], addresses: [10.0.0.3/8], mtu: big}, b: [x]}}`,
			`interfaces: {a: {dhcp: false, addresses: [10.0.0.3/8], mtu: big}}`,
			"refused: ethernets: want the settings of a device: NAME: {…}\n" +
				"refused: dhcp4: want true or false\n" +
				"refused: unknown key \"adresses\"; did you mean \"addresses\"?\n" +
				"schema: mtu: want a whole number, found a string"},
		{"no prefix", `{ethernets: {a: {addresses: [10.0.0.2, "fd00::2"]}}}`, `interfaces: {a: {addresses: [10.0.0.2/24, "fd00::2/64"], dhcp: false}}`,
			"an address without prefix length; /24 is assumed: write the one of the network\n" +
				"an address without prefix length; /64 is assumed: write the one of the network"},
		{"version 1 below network", `{network: {version: 1, config: [{type: physical, name: a, subnets: [{type: dhcp}]}]}}`, `interfaces: {a: {dhcp: true}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, said := translated(t, c.text)
			if want := foreigntest.Parsed(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if said != c.said {
				t.Errorf("said %s\nwant %s", said, c.said)
			}
		})
	}
}

// TestSetName: a device that is selected by its hardware address gets its name; one that is selected otherwise keeps its own.
func TestSetName(t *testing.T) {
	got, said := translated(t, `{ethernets: {up: {match: {macaddress: "52:54:00:01:02:03", name: "en*"}, set-name: lan0}, eth7: {}, down: {match: {macaddress: "52:54:00:01:02:04"}, set-name: eth7},
			any: {match: {driver: e1000}, set-name: lan1}}, vlans: {v5: {id: 5, link: up}}}`)
	want := foreigntest.Parsed(t, `interfaces: {lan0: {match: {mac: ["52:54:00:01:02:03"]}, rename: true, dhcp: false}, eth7: {dhcp: false}, down: {match: {mac: ["52:54:00:01:02:04"]}, dhcp: false},
			any: {match: {driver: [e1000]}, dhcp: false}, v5: {vlan: {id: 5, link: lan0}, dhcp: false}}`)
	if !reflect.DeepEqual(got, want) || said != keeps+"\n"+keeps {
		t.Errorf("got %v\nwant %v\nsaid %s", got, want, said)
	}
}

// TestAliasesAndMerges: what YAML repeats is as if it were written twice, and none of it is changed by the other's use.
func TestAliasesAndMerges(t *testing.T) {
	got, said := translated(t, "x: &x {dhcp4: true, mtu: 1400}\nethernets:\n  a: *x\n  b: {<<: *x, mtu: 1300}\n")
	want := foreigntest.Parsed(t, `interfaces: {a: {dhcp: true, mtu: 1400}, b: {dhcp: true, mtu: 1300}}`)
	if !reflect.DeepEqual(got, want) || said != "a key that nothing here reads" {
		t.Errorf("got %v, %s", got, said)
	}
}

func TestIs(t *testing.T) {
	for text, want := range map[string]bool{"version: 2": true, "ethernets: {}": true, "version: 1": false, "interfaces: {}": false, "[]": false, "vrfs: {}": true} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if got := netplan.Is(doc.Content[0]); got != want {
			t.Errorf("Is(%s) = %v", text, got)
		}
	}
}

// FuzzTranslate: no document makes the translation panic or take long, and what it makes can be loaded.
func FuzzTranslate(f *testing.F) {
	f.Add("network: {ethernets: {a: {match: {name: '*'}, addresses: [{10.0.0.1/8: {label: x}}], routes: [{to: default, via: 1.1.1.1}]}}}")
	f.Add("bonds: {b: {interfaces: [a], parameters: {arp-ip-targets: [1.1.1.1], up-delay: 1s}}}\nbridges: {c: {parameters: {path-cost: {a: 1}}}}")
	f.Add("wifis: {w: {access-points: {x: {auth: {key-management: sae}}}}}\nvlans: {v: {id: 1, link: w}}")
	f.Add("version: 1\nconfig: [{type: bridge, name: b, bridge_interfaces: [a], params: {bridge_pathcost: a 5}}, {type: route, destination: 10.0.0.0, netmask: 255.0.0.0, gateway: 1.2.3.4}]")
	f.Add("&a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
			return
		}
		d := draft.New()
		netplan.Translate(d, doc.Content[0])
		out, err := yaml.Marshal(d.Root)
		if err != nil {
			return // a value of the document that refers to itself
		}
		config.Load(config.Document("fuzz", out))
	})
}

// TestWorstThatFits: the largest documents take seconds.
func TestWorstThatFits(t *testing.T) {
	for name, part := range map[string]func(i int) string{
		"labels": func(i int) string { return fmt.Sprintf("  the-same-beginning-%d: {match: {name: e%d}}\n", i, i) },
		"names":  func(i int) string { return fmt.Sprintf("  e%d: {dhcp4: true}\n", i) },
		"devices": func(i int) string {
			return fmt.Sprintf("  e%d: {addresses: [10.0.0.1/8, 10.0.0.2/8, 10.0.0.3/8]}\n", i)
		},
		"unknown":  func(i int) string { return fmt.Sprintf("  e%d: {mtuu: 1}\n", i) },
		"networks": func(i int) string { return fmt.Sprintf("  w%d: {access-points: {a%d: {}}}\n", i, i) },
	} {
		var b strings.Builder
		b.WriteString(map[bool]string{true: "wifis:\n", false: "ethernets:\n"}[name == "networks"])
		for i := 0; b.Len() < config.MaxSize-100; i++ {
			b.WriteString(part(i))
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(b.String()), &doc); err != nil {
			t.Fatal(err)
		}
		if d := cputime.Of(t, func() { netplan.Translate(draft.New(), doc.Content[0]) }); d > 20*time.Second {
			t.Errorf("%s: %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
	}
}
