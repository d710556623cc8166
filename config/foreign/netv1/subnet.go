package netv1

import (
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// settings are the keys that all devices have; done are those that were read already. An entry without subnets has no
// addresses, and requests none.
func (r *reader) settings(dev *entry, done ...string) {
	dhcp := dev.at
	on := false
	for _, p := range dev.pairs {
		switch {
		case p.Key == "type" || p.Key == "name" || slices.Contains(done, p.Key) || draft.IsNull(p.Value):
		case p.Key == "mtu":
			dev.Int(p.Value, "mtu")
		case p.Key == "accept-ra":
			dev.Bool(p.Value, "accept_ra")
		case p.Key == "optional":
			dev.Bool(p.Value, "optional")
		case p.Key == "subnets" && r.member[dev.name]:
			r.ofMember(p)
		case p.Key == "subnets":
			for _, item := range r.Items(p.Value) {
				if r.subnet(dev, item) {
					dhcp, on = item, true
				}
			}
		case p.Key == "dhcp4" || p.Key == "dhcp6":
			if yes, ok := draft.Truth(p.Value); !ok || yes {
				r.Note(p.At, "%s: not a key of version 1; use a subnet of type dhcp", p.Key)
			}
		case p.Key == "ipv4_conf" || p.Key == "ipv6_conf":
			r.Note(p.At, "%s: use sysctls, with net.%s.conf.NAME.SETTING", p.Key, p.Key[:4])
		case p.Key == "keep_configuration" || p.Key == "wakeonlan":
			r.Note(p.At, "%s: not changed here", p.Key)
		default:
			nic.Unknown(r.Draft, p.At, []string{"mtu", "subnets", "accept-ra", "mac_address", "params", "vlan_id", "vlan_link",
				"bond_interfaces", "bridge_interfaces"})
		}
	}
	if !r.member[dev.name] {
		dev.Put(draft.Bool(dhcp, on), "dhcp")
	}
}

// ofMember says that a member of a bond or a bridge has no addresses.
func (r *reader) ofMember(p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if kind, _ := draft.String(find(r.Pairs(item), "type")); kind != "manual" {
			r.Note(item, "subnets: a member of a bond or bridge has no addresses; say it of the bond or bridge")
		}
	}
}

// subnetTypes say of the types of subnets whether they mean DHCP. The schema has accept_ra for the others.
var subnetTypes = map[string]bool{"dhcp": true, "dhcp4": true, "dhcp6": false, "static": false, "static6": false,
	"manual": false, "ipv6_slaac": false, "ipv6_dhcpv6-stateful": false, "ipv6_dhcpv6-stateless": false, "loopback": false}

// subnet translates one subnet, and says whether it is DHCP for IPv4.
func (r *reader) subnet(dev *entry, item *yaml.Node) bool {
	pairs := r.Pairs(item)
	kind, _ := draft.String(find(pairs, "type"))
	dhcp, known := subnetTypes[kind]
	if !known {
		r.Refuse(item, "subnets: want type: dhcp, dhcp6, static, static6, ipv6_slaac or manual")
		return false
	}
	switch kind {
	case "dhcp6", "ipv6_dhcpv6-stateful":
		dev.Put(draft.Bool(item, true), "dhcp6")
	case "ipv6_slaac", "ipv6_dhcpv6-stateless":
		dev.Put(draft.Bool(item, true), "accept_ra")
	}
	if address := find(pairs, "address"); address != nil {
		text, _ := dev.Scalar(address)
		mask := ""
		if n := find(pairs, "netmask"); n != nil {
			mask, _ = dev.Scalar(n)
		}
		dev.Address(address, text, mask)
	}
	r.gateway(dev, pairs, dhcp)
	for _, p := range pairs {
		r.subnetKey(dev, p)
	}
	return dhcp
}

// gateway sets the default route of a subnet; its metric is that of routes from DHCP, if the subnet is DHCP's.
func (r *reader) gateway(dev *entry, pairs []draft.Pair, dhcp bool) {
	hop, metric := find(pairs, "gateway"), find(pairs, "metric")
	switch {
	case dhcp && metric != nil:
		dev.Int(metric, "metric")
	case hop != nil && metric != nil:
		route := draft.Map(hop)
		draft.Put(route, draft.Text(hop, "default"), "to")
		draft.Put(route, draft.Text(hop, strings.TrimSpace(hop.Value)), "via")
		draft.Put(route, nic.Int(metric), "metric")
		dev.Add(route, "routes")
	case hop != nil:
		text, _ := dev.Scalar(hop)
		dev.Gateway(hop, text)
	}
}

func (r *reader) subnetKey(dev *entry, p draft.Pair) {
	switch p.Key {
	case "type", "address", "netmask", "gateway", "metric", "name", "broadcast", "control":
		if value, _ := draft.String(p.Value); p.Key == "control" && value == "manual" {
			r.Note(p.At, "control: nothing here brings an interface up later; it comes up at boot")
		}
	case "dns_nameservers":
		dev.DNS(r.Items(p.Value), nil)
	case "dns_search", "search":
		dev.DNS(nil, r.Items(p.Value))
	case "mtu":
		dev.Int(p.Value, "mtu")
	case "scope", "pointopoint":
		r.Note(p.At, "%s: addresses have the kernel's scope here, and no peer; use a route without a gateway", p.Key)
	case "routes":
		for _, item := range r.Items(p.Value) {
			if route := r.routeOf(item, r.Pairs(item)); route != nil {
				dev.Add(route, "routes")
			}
		}
	default:
		nic.Unknown(r.Draft, p.At, []string{"type", "address", "netmask", "gateway", "dns_nameservers", "dns_search", "routes", "metric", "control"})
	}
}

// routeOf returns a route; nil if it has no destination. A gateway of 0.0.0.0 or :: is none.
func (r *reader) routeOf(item *yaml.Node, pairs []draft.Pair) *yaml.Node {
	route, mask, to := draft.Map(item), "", (*yaml.Node)(nil)
	for _, p := range pairs {
		text, _ := draft.String(p.Value)
		text = strings.TrimSpace(text)
		switch p.Key {
		case "destination", "network", "to":
			to = draft.Text(p.Value, text)
		case "netmask", "prefix":
			mask = text
		case "gateway", "via":
			if a, err := netip.ParseAddr(text); err != nil || !a.IsUnspecified() {
				draft.Put(route, draft.Text(p.Value, text), "via")
			}
		case "metric":
			draft.Put(route, nic.Int(p.Value), "metric")
		case "type", "id", "name", "mtu":
		default:
			nic.Unknown(r.Draft, p.At, []string{"destination", "network", "netmask", "gateway", "metric"})
		}
	}
	if to == nil {
		r.Refuse(item, "routes: a route without a destination")
		return nil
	}
	if !strings.Contains(to.Value, "/") && mask != "" {
		to.Value = nic.Network(to.Value, mask)
	}
	draft.Put(route, to, "to")
	return route
}

// nameserver lists servers of the machine, or of one interface.
func (r *reader) nameserver(e entry) {
	servers, search := r.Items(find(e.pairs, "address")), r.Items(find(e.pairs, "search"))
	if name, _ := draft.String(find(e.pairs, "interface")); name != "" {
		nic.New(r.Draft, e.at, r.key(name)).DNS(servers, search)
		return
	}
	nic.DNS(r.Draft, servers, search)
}

// route stands beside the devices: it is given to the interface whose network has its gateway.
func (r *reader) route(e entry) {
	route := r.routeOf(e.at, e.pairs)
	if route == nil {
		return
	}
	via, _ := draft.String(find(e.pairs, "gateway"))
	if key := nic.Towards(r.Draft, via); key != "" {
		nic.New(r.Draft, e.at, key).Add(route, "routes")
		return
	}
	r.Refuse(e.at, "route: no interface has a network with this gateway; write the route below the subnet of its interface")
}

// loopback: the interface is the kernel's, which has its addresses by itself.
func (r *reader) loopback(e entry) {
	for _, item := range r.Items(find(e.pairs, "subnets")) {
		pairs := r.Pairs(item)
		nic.DNS(r.Draft, r.Items(find(pairs, "dns_nameservers")), r.Items(find(pairs, "dns_search")))
		if address := find(pairs, "address"); address != nil {
			text, _ := draft.String(address)
			bare, _, _ := strings.Cut(text, "/")
			if a, err := netip.ParseAddr(bare); err == nil && !a.IsLoopback() {
				dummy := nic.New(r.Draft, e.at, "dummy-lo")
				dummy.Put(draft.Bool(e.at, true), "dummy")
				dummy.Address(address, text, "")
				r.Note(address, "the loopback interface is the kernel's; the address is on a dummy interface, dummy-lo")
			}
		}
	}
}
