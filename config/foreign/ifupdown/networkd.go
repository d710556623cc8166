package ifupdown

import (
	"net"
	"path"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// networkFile reads systemd.network(5). A file for one name is that interface's; others select by [Match].
func networkFile(f file) {
	parts := f.parts()
	n := f.matched(parts)
	if n == nil {
		return
	}
	for _, p := range parts {
		switch p.name {
		case "", "Match":
		case "Link":
			f.each(p, n, linkKeys)
		case "Network":
			f.each(p, n, networkKeys)
		case "Address":
			f.each(p, n, map[string]func(*nic.NIC, *yaml.Node){"address": addressOf, "label": nothing})
		case "Route":
			n.Add(f.filled(p, routeKeys), "routes")
		case "RoutingPolicyRule":
			rule := f.filled(p, ruleKeys)
			if p.get("table") == "" {
				draft.Put(rule, draft.Int(f.at, 254), "table")
			}
			f.Append(rule, "network", "rules")
		case "DHCP", "DHCPv4", "DHCPv6", "IPv6AcceptRA":
			f.each(p, n, map[string]func(*nic.NIC, *yaml.Node){"routemetric": number("metric"), "clientidentifier": nothing})
		case "Bridge":
			f.note("[Bridge]: settings of ports have no effect here; use path_cost and port_priority of the bridge")
		default:
			f.note("a section that has no effect; use network.interfaces")
		}
	}
	if !n.Has("dhcp") && !strings.HasSuffix(path.Dir(f.path), ".d") { // a drop-in says nothing about what it leaves out
		n.Put(draft.Bool(f.at, false), "dhcp")
	}
}

// matchKeys are the schema's keys of what selects interfaces.
var matchKeys = map[string]string{"name": "name", "originalname": "name", "macaddress": "mac", "permanentmacaddress": "mac", "driver": "driver"}

// matchTypes are the kernel's names of interfaces by what networkctl calls their type.
var matchTypes = map[string]string{"ether": "e*", "wlan": "wl*"}

// maxTries bounds how many labels are tried for a file.
const maxTries = 50

// matched returns the interface that the file is for; nil if something selects it that is not known here, because more
// interfaces than are meant would fit the rest.
func (f file) matched(parts []part) *nic.NIC {
	var match part
	for _, p := range parts {
		if p.name == "Match" {
			match.settings = append(match.settings, p.settings...)
		}
	}
	names := list(match.node("name"))
	if len(names) == 1 && len(match.settings) == 1 && !strings.ContainsAny(names[0].Value, "*?[!") {
		return f.nic(names[0].Value)
	}
	patterns, ok := f.patterns(match)
	if !ok {
		f.note("[Match]: only Name, MACAddress, PermanentMACAddress, Driver and Type=ether select interfaces here; the file is left out")
		return nil
	}
	base := strings.TrimSuffix(path.Base(f.path), path.Ext(f.path))
	tries := 0
	n := f.nic(nic.Label(base, func(s string) bool { tries++; return tries < maxTries && f.Get("network", "interfaces", s) != nil }))
	for _, p := range patterns {
		n.Add(p.value, "match", p.key)
	}
	if len(patterns) == 0 {
		n.Add(draft.Text(f.at, "*"), "match", "name")
	}
	return n
}

// patterns returns what selects interfaces, under the schema's keys.
func (f file) patterns(match part) (out []setting, ok bool) {
	for _, s := range match.settings {
		key := matchKeys[s.key]
		for _, word := range list(s.value) {
			switch {
			case s.key == "type" && matchTypes[word.Value] != "" && match.get("name") == "":
				out = append(out, setting{"name", draft.Text(word, matchTypes[word.Value])})
			case s.key == "type" && matchTypes[word.Value] != "":
			case key == "" || strings.HasPrefix(word.Value, "!"):
				return nil, false
			case key == "mac" && !isMAC(word.Value):
				return nil, false
			default:
				out = append(out, setting{key, word})
			}
		}
	}
	return out, true
}

func isMAC(text string) bool {
	mac, err := net.ParseMAC(text)
	return err == nil && len(mac) == 6
}

func (f file) each(p part, n *nic.NIC, keys map[string]func(*nic.NIC, *yaml.Node)) {
	for _, s := range p.settings {
		if set := keys[s.key]; set != nil {
			set(n, s.value)
			continue
		}
		f.note("[%s]: a setting that has no effect; use network.interfaces", p.name)
	}
}

func number(path ...string) func(*nic.NIC, *yaml.Node) {
	return func(n *nic.NIC, value *yaml.Node) { n.Int(value, path...) }
}

func text(path ...string) func(*nic.NIC, *yaml.Node) {
	return func(n *nic.NIC, value *yaml.Node) { n.Text(value, path...) }
}

func truth(path ...string) func(*nic.NIC, *yaml.Node) {
	return func(n *nic.NIC, value *yaml.Node) { n.Bool(value, path...) }
}

func nothing(*nic.NIC, *yaml.Node) {}

func addressOf(n *nic.NIC, value *yaml.Node) { n.Address(value, value.Value, "") }

var linkKeys = map[string]func(*nic.NIC, *yaml.Node){
	"mtubytes": number("mtu"), "macaddress": text("mac"), "unmanaged": nothing, "requiredforonline": func(n *nic.NIC, value *yaml.Node) {
		if on, ok := draft.Truth(value); ok {
			n.Put(draft.Bool(value, !on), "optional")
		}
	},
}

var networkKeys = map[string]func(*nic.NIC, *yaml.Node){
	"address": addressOf, "gateway": func(n *nic.NIC, value *yaml.Node) { n.Gateway(value, value.Value) },
	"dns": func(n *nic.NIC, value *yaml.Node) { n.DNS(list(value), nil) }, "domains": func(n *nic.NIC, value *yaml.Node) { n.DNS(nil, list(value)) },
	"dhcp": dhcpOf, "ipv6acceptra": truth("accept_ra"), "vlan": partOf("vlan", "link"), "bond": partOf("bond", "members"),
	"bridge": partOf("bridge", "members"), "description": nothing, "configurewithoutcarrier": nothing, "linklocaladdressing": nothing,
	"ntp": func(n *nic.NIC, value *yaml.Node) {
		for _, server := range list(value) {
			n.Append(server, "ntp", "servers")
		}
	},
	"ipforward": nothing, "ipv4forwarding": nothing, "ipv6forwarding": nothing, // a node forwards
}

func dhcpOf(n *nic.NIC, value *yaml.Node) {
	word := strings.ToLower(value.Value)
	both, _ := draft.Truth(value)
	n.Put(draft.Bool(value, both || word == "both" || word == "ipv4" || word == "v4"), "dhcp")
	if both || word == "both" || word == "ipv6" || word == "v6" {
		n.Put(draft.Bool(value, true), "dhcp6")
	}
}

// partOf makes another interface refer to this one.
func partOf(kind, key string) func(*nic.NIC, *yaml.Node) {
	return func(n *nic.NIC, value *yaml.Node) {
		for _, name := range list(value) {
			other := nic.New(n.Draft, value, name.Value)
			if key == "link" {
				other.Put(draft.Text(value, n.Key), kind, key)
			} else {
				other.Add(draft.Text(value, n.Key), kind, key)
			}
		}
	}
}

type valueKey struct {
	key string
	put func(*yaml.Node) *yaml.Node
}

func same(value *yaml.Node) *yaml.Node { return value }

func singleNetwork(value *yaml.Node) *yaml.Node { return draft.Text(value, nic.Single(value.Value)) }

var routeKeys = map[string]valueKey{"destination": {"to", same}, "gateway": {"via", same}, "metric": {"metric", nic.Int},
	"table": {"table", nic.Int}, "gatewayonlink": {"on_link", nic.Bool}, "preferredsource": {"source", same}, "scope": {"scope", same},
	"type": {"type", same}, "mtubytes": {"mtu", nic.Int}}

var ruleKeys = map[string]valueKey{"from": {"from", singleNetwork}, "to": {"to", singleNetwork}, "table": {"table", nic.Int},
	"priority": {"priority", nic.Int}, "firewallmark": {"mark", nic.Int}, "typeofservice": {"tos", nic.Int}}

// filled returns a mapping with the settings of a section.
func (f file) filled(p part, keys map[string]valueKey) *yaml.Node {
	out := draft.Map(f.at)
	for _, s := range p.settings {
		known, ok := keys[s.key]
		if !ok {
			f.note("[%s]: a setting that has no effect", p.name)
			continue
		}
		draft.Put(out, known.put(s.value), known.key)
	}
	if p.name == "Route" && p.get("destination") == "" {
		draft.Put(out, draft.Text(f.at, "default"), "to")
	}
	return out
}

// linkFile reads systemd.link(5), of which only the size of packets and the hardware address have an effect.
func linkFile(f file) {
	parts := f.parts()
	n := f.matched(parts)
	if n == nil {
		return
	}
	for _, p := range parts {
		if p.name == "Link" {
			f.each(p, n, linkKeys)
		}
	}
}

// netdevFile reads systemd.netdev(5).
func netdevFile(f file) {
	parts := f.parts()
	var n *nic.NIC
	kind := ""
	for _, p := range parts {
		if p.name == "NetDev" && p.get("name") != "" {
			n, kind = f.nic(p.get("name")), p.get("kind")
			f.each(p, n, map[string]func(*nic.NIC, *yaml.Node){"name": nothing, "kind": nothing, "description": nothing,
				"mtubytes": number("mtu"), "macaddress": text("mac")})
		}
	}
	if n == nil {
		f.note("a device without a name")
		return
	}
	switch kind {
	case "dummy":
		n.Put(draft.Bool(f.at, true), "dummy")
	case "bond":
		n.Put(draft.Text(f.at, nic.BondModes[0]), "bond", "mode")
	case "bridge":
		n.Put(draft.Bool(f.at, false), "bridge", "stp")
	case "vlan":
	default:
		f.note("devices of this kind are not made here; make it in a container with hostNetwork")
	}
	for _, p := range parts {
		switch {
		case p.name == "VLAN" && kind == "vlan":
			f.each(p, n, map[string]func(*nic.NIC, *yaml.Node){"id": number("vlan", "id")})
		case p.name == "Bridge" && kind == "bridge":
			f.each(p, n, bridgeKeys)
		case p.name == "Bond" && kind == "bond":
			f.bondSection(p, n)
		}
	}
}

func seconds(key string) func(*nic.NIC, *yaml.Node) {
	return func(n *nic.NIC, value *yaml.Node) { n.Put(nic.Span(value, time.Second, time.Second), "bridge", key) }
}

var bridgeKeys = map[string]func(*nic.NIC, *yaml.Node){"stp": truth("bridge", "stp"), "ageingtimesec": seconds("ageing"),
	"forwarddelaysec": seconds("forward_delay"), "hellotimesec": seconds("hello_time"), "maxagesec": seconds("max_age"), "priority": number("bridge", "priority")}

// bondKeys are the kernel's names of systemd's parameters; those in seconds are a time.
var bondKeys = map[string]string{"mode": "mode", "transmithashpolicy": "xmit_hash_policy", "lacptransmitrate": "lacp_rate",
	"miimonitorsec": "miimon", "updelaysec": "updelay", "downdelaysec": "downdelay", "minlinks": "min_links", "adselect": "ad_select",
	"allslavesactive": "all_slaves_active", "arpintervalsec": "arp_interval", "arpiptargets": "arp_ip_target", "arpvalidate": "arp_validate",
	"arpalltargets": "arp_all_targets", "failovermacpolicy": "fail_over_mac", "gratuitousarp": "num_grat_arp", "packetsperslave": "packets_per_slave",
	"primaryreselectpolicy": "primary_reselect", "resendigmp": "resend_igmp", "learnpacketintervalsec": "lp_interval"}

func (f file) bondSection(p part, n *nic.NIC) {
	for _, s := range p.settings {
		value := s.value
		if strings.HasSuffix(s.key, "sec") && s.key != "learnpacketintervalsec" {
			value = nic.Span(value, time.Second, time.Millisecond)
		}
		if name := bondKeys[s.key]; name == "" || !n.BondParameter(name, value) {
			f.note("[Bond]: a parameter that has no effect")
		}
	}
}
