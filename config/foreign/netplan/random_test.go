package netplan_test

import (
	"fmt"
	"math/rand"

	"gopkg.in/yaml.v3"
)

// generator makes random valid documents of netplan.
type generator struct {
	*rand.Rand
	defaults map[string]bool // families and tables that have a default route: netplan wants one of each
	free     []string        // devices that are part of nothing yet
}

type object = map[string]any

// document returns a document for release 0.106 of netplan, and later.
func (g *generator) document() string {
	g.defaults, g.free = map[string]bool{}, nil
	network := object{"version": 2}
	if g.chance(3) {
		network["renderer"] = "networkd"
	}
	ethernets := object{}
	for i := range 1 + g.Intn(4) {
		name := fmt.Sprintf("eth%d", i)
		ethernets[name] = g.ethernet(i)
		g.free = append(g.free, name)
	}
	network["ethernets"] = ethernets
	if g.chance(3) {
		network["bonds"] = object{"bond0": g.bond()}
		g.free = append(g.free, "bond0")
	}
	if g.chance(3) {
		network["bridges"] = object{"br0": g.bridge()}
		g.free = append(g.free, "br0")
	}
	if g.chance(3) {
		vlan := g.common()
		vlan["id"], vlan["link"] = 1+g.Intn(4094), g.free[g.Intn(len(g.free))]
		network["vlans"] = object{"vlan.7": vlan}
	}
	if network["bonds"] == nil && network["bridges"] == nil && network["vlans"] == nil && g.chance(3) {
		// with references netplan 0.106 reads the document twice, and finds that each access point is there already
		wlan := g.common()
		wlan["access-points"] = object{"Pier": object{"password": "fair winds"}, "Quay": object{}}
		network["wifis"] = object{"wlan0": wlan}
	}
	out, err := yaml.Marshal(object{"network": network})
	if err != nil {
		panic(err)
	}
	return string(out)
}

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.Intn(n) == 0 }

func (g *generator) bool() bool { return g.chance(2) }

func (g *generator) of(words ...string) string { return words[g.Intn(len(words))] }

// some sets a key once in n times.
func (g *generator) some(o object, n int, key string, value any) {
	if g.chance(n) {
		o[key] = value
	}
}

func (g *generator) mac() string {
	return fmt.Sprintf("52:54:00:%02x:%02x:01", g.Intn(256), g.Intn(256))
}

func (g *generator) v4() string {
	return fmt.Sprintf("10.%d.%d.%d", g.Intn(20), g.Intn(256), 2+g.Intn(250))
}

func (g *generator) v6() string { return fmt.Sprintf("fd00:%x::%x", 1+g.Intn(0xfff), 2+g.Intn(0xfff)) }

func (g *generator) ethernet(i int) object {
	dev := g.common()
	if g.chance(3) {
		match := object{}
		g.some(match, 2, "macaddress", g.mac())
		g.some(match, 2, "name", g.of("en*", "eth?", fmt.Sprintf("enp%ds0", i)))
		g.some(match, 4, "driver", g.of("virtio_net", "e1000*"))
		if g.chance(4) {
			match["driver"] = []string{"bcmgenet", "lan78*"}
		}
		dev["match"] = match
		if len(match) > 0 && match["macaddress"] == nil { // with which the new name is the key; TestTranslate looks at that
			g.some(dev, 3, "set-name", fmt.Sprintf("lan%d", i))
		}
	}
	g.some(dev, 8, "wakeonlan", g.bool())
	return dev
}

// common returns the keys that all devices may have.
func (g *generator) common() object {
	dev := object{}
	g.some(dev, 2, "dhcp4", g.bool())
	g.some(dev, 3, "dhcp6", g.bool())
	if dev["dhcp4"] == true || dev["dhcp6"] == true {
		if g.chance(3) {
			over := object{}
			g.some(over, 2, "route-metric", 50+g.Intn(500))
			for _, key := range []string{"use-dns", "use-ntp", "use-mtu", "send-hostname", "use-hostname"} {
				g.some(over, 6, key, g.bool())
			}
			g.some(over, 8, "use-routes", true)
			dev["dhcp4-overrides"], dev["dhcp6-overrides"] = over, over
		}
	}
	g.some(dev, 4, "accept-ra", g.bool())
	g.some(dev, 4, "mtu", 1280+g.Intn(8000))
	g.some(dev, 6, "macaddress", g.mac())
	g.some(dev, 4, "optional", g.bool())
	g.some(dev, 6, "link-local", [][]string{{}, {"ipv4"}, {"ipv6"}, {"ipv4", "ipv6"}}[g.Intn(4)])
	g.some(dev, 8, "critical", g.bool())
	g.some(dev, 8, "dhcp-identifier", g.of("mac", "duid"))
	g.some(dev, 8, "ipv6-privacy", g.bool())
	if g.bool() {
		dev["addresses"] = g.addresses()
	}
	if g.chance(3) {
		servers := object{}
		g.some(servers, 2, "addresses", []string{g.v4(), g.v6(), g.v4()}[:1+g.Intn(3)])
		g.some(servers, 2, "search", []string{"lan", "Example.org", "b.example.net"}[:1+g.Intn(3)])
		dev["nameservers"] = servers
	}
	g.gateways(dev)
	if g.chance(3) {
		routes := []object{}
		for range 1 + g.Intn(3) {
			routes = append(routes, g.route())
		}
		dev["routes"] = routes
	}
	if g.chance(5) {
		dev["routing-policy"] = []object{g.rule()}
	}
	return dev
}

func (g *generator) addresses() (list []any) {
	for range 1 + g.Intn(3) {
		text := fmt.Sprintf("%s/%d", g.v4(), 8+g.Intn(25))
		if g.chance(3) {
			text = fmt.Sprintf("%s/%d", g.v6(), 48+g.Intn(81))
		}
		switch {
		case g.chance(8):
			list = append(list, object{text: object{"label": "a"}})
		case g.chance(8):
			list = append(list, object{text: object{"lifetime": g.of("0", "forever")}})
		default:
			list = append(list, text)
		}
	}
	return list
}

// first says whether there is no default route yet.
func (g *generator) first(family string, table int) bool {
	key := fmt.Sprint(family, table)
	was := g.defaults[key]
	g.defaults[key] = true
	return !was
}

func (g *generator) gateways(dev object) {
	if g.chance(4) && g.first("4", 0) {
		dev["gateway4"] = g.v4()
	}
	if g.chance(6) && g.first("6", 0) {
		dev["gateway6"] = g.v6()
	}
}

func (g *generator) route() object {
	family, address, to := "4", g.v4, fmt.Sprintf("192.%d.0.0/16", g.Intn(200))
	if g.chance(3) {
		family, address, to = "6", g.v6, fmt.Sprintf("2001:db8:%x::/48", g.Intn(0xfff))
	}
	r := object{"to": to, "via": address()}
	g.some(r, 3, "metric", g.Intn(1000))
	g.some(r, 5, "table", 1+g.Intn(400))
	g.some(r, 4, "on-link", g.bool())
	g.some(r, 5, "from", address())
	g.some(r, 5, "mtu", 1280+g.Intn(200))
	g.some(r, 8, "congestion-window", 10)
	table, _ := r["table"].(int)
	switch g.Intn(10) {
	case 0, 1, 2:
		if g.first(family, table) {
			r["to"] = "default"
			if g.bool() {
				r["to"] = map[string]string{"4": "0.0.0.0/0", "6": "::/0"}[family]
			}
		}
	case 3:
		delete(r, "via")
		r["scope"] = "link"
	case 4:
		delete(r, "via")
		r["type"] = g.of("blackhole", "unreachable", "prohibit", "throw", "multicast")
	}
	return r
}

func (g *generator) rule() object {
	r := object{"from": g.of("10.0.0.0/8", "192.0.2.7", "fd00::/8")}
	if g.bool() {
		r = object{"to": g.of("10.0.0.0/8", "192.0.2.7/32", "fd00::7")}
	}
	g.some(r, 2, "table", 1+g.Intn(400))
	g.some(r, 2, "priority", 1+g.Intn(3000))
	g.some(r, 4, "mark", 1+g.Intn(200))
	g.some(r, 4, "type-of-service", 4*g.Intn(60))
	return r
}

// members takes devices that are part of nothing yet.
func (g *generator) members() []string {
	n := g.Intn(len(g.free))
	taken := append([]string{}, g.free[:n]...)
	g.free = g.free[n:]
	return taken
}

func (g *generator) bond() object {
	dev := g.common()
	members := g.members()
	dev["interfaces"] = members
	if g.chance(4) {
		return dev
	}
	p := object{"mode": g.of("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")}
	g.some(p, 2, "mii-monitor-interval", []any{100, "200ms", "1s"}[g.Intn(3)])
	g.some(p, 3, "up-delay", 100*g.Intn(5))
	g.some(p, 3, "down-delay", fmt.Sprintf("%dms", 100*g.Intn(5)))
	g.some(p, 3, "transmit-hash-policy", g.of("layer2", "layer3+4", "layer2+3", "encap2+3"))
	g.some(p, 5, "min-links", 1+g.Intn(3))
	g.some(p, 5, "ad-select", g.of("stable", "bandwidth", "count"))
	g.some(p, 5, "all-slaves-active", true)
	g.some(p, 5, "fail-over-mac-policy", g.of("none", "active", "follow"))
	g.some(p, 5, "gratuitous-arp", 1+g.Intn(5))
	g.some(p, 5, "primary-reselect-policy", g.of("always", "better", "failure"))
	g.some(p, 5, "resend-igmp", 1+g.Intn(5))
	g.some(p, 5, "learn-packet-interval", 1+g.Intn(5))
	g.some(p, 5, "packets-per-slave", 1+g.Intn(5))
	if g.chance(5) {
		p["arp-interval"], p["arp-ip-targets"] = 500, []string{"10.0.0.1", "10.0.0.2"}
		g.some(p, 2, "arp-validate", g.of("none", "active", "backup", "all"))
		g.some(p, 2, "arp-all-targets", g.of("any", "all"))
	}
	if p["mode"] == "802.3ad" {
		g.some(p, 2, "lacp-rate", g.of("slow", "fast"))
	}
	if len(members) > 0 && (p["mode"] == "active-backup" || p["mode"] == "balance-tlb") {
		g.some(p, 2, "primary", members[0])
	}
	dev["parameters"] = p
	return dev
}

func (g *generator) bridge() object {
	dev := g.common()
	members := g.members()
	dev["interfaces"] = members
	if g.bool() {
		p := object{}
		g.some(p, 2, "stp", g.bool())
		g.some(p, 3, "ageing-time", 10*g.Intn(50))
		g.some(p, 3, "forward-delay", []any{4, "8s"}[g.Intn(2)])
		g.some(p, 3, "hello-time", 1+g.Intn(5))
		g.some(p, 3, "max-age", 6+g.Intn(20))
		g.some(p, 3, "priority", 1+g.Intn(60000))
		for _, m := range members {
			g.some(p, 4, "path-cost", object{m: 1 + g.Intn(100)})
			g.some(p, 4, "port-priority", object{m: 1 + g.Intn(60)})
		}
		dev["parameters"] = p
	}
	return dev
}
