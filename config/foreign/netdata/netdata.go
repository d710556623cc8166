// Package netdata translates network_data.json, in which OpenStack says how a machine's network is made: links, networks
// on them, and services (docs.openstack.org/nova, Metadata, and the schema network_data.json there). Its names of links
// are those of the host; a card is found by its hardware address. It refuses links that cannot be found.
package netdata

import (
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// Is says whether a mapping is a document of this kind: lists of links and of networks.
func Is(n *yaml.Node) bool {
	for _, key := range []string{"links", "networks"} {
		list := draft.Resolved(draft.Get(draft.Resolved(n), key))
		if list == nil || list.Kind != yaml.SequenceNode {
			return false
		}
	}
	return true
}

// reader is a document that is being translated.
type reader struct {
	*draft.Draft
	keys   map[string]string // of network.interfaces, by the ids of links
	taken  map[string]bool   // keys in use
	member map[string]bool   // ids of links that a bond has
	links  map[string]*link  // by id
}

// link is a network card, a bond or a VLAN.
type link struct {
	*nic.NIC
	at       *yaml.Node
	id, kind string
	pairs    []draft.Pair
	dhcp, ra bool
	static6  bool
}

// Translate translates a document.
func Translate(d *draft.Draft, doc *yaml.Node) {
	r := &reader{d, map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]*link{}}
	var lists [3][]*yaml.Node
	for _, p := range d.Pairs(doc) {
		switch p.Key {
		case "links":
			lists[0] = r.Items(p.Value)
		case "networks":
			lists[1] = r.Items(p.Value)
		case "services":
			lists[2] = r.Items(p.Value)
		default:
			nic.Unknown(d, p.At, []string{"links", "networks", "services"})
		}
	}
	all := r.named(lists[0])
	for _, l := range all {
		r.begin(l)
	}
	for i, item := range lists[1] {
		if nic.Full(d, item, i) {
			break
		}
		r.network(item)
	}
	for _, l := range all {
		r.end(l)
	}
	nic.DNS(d, r.servers(lists[2]), nil)
}

// value returns what stands under a key; nil if nothing does.
func value(pairs []draft.Pair, key string) *yaml.Node {
	for _, p := range pairs {
		if p.Key == key && !draft.IsNull(p.Value) {
			return p.Value
		}
	}
	return nil
}

func text(pairs []draft.Pair, key string) string {
	s, _ := draft.String(value(pairs, key))
	return strings.TrimSpace(s)
}

// servers returns the addresses of name servers among services.
func (r *reader) servers(services []*yaml.Node) (out []*yaml.Node) {
	for _, item := range services {
		pairs := r.Pairs(item)
		switch address := value(pairs, "address"); {
		case text(pairs, "type") != "dns":
			r.Note(item, "services: only dns is read here; for time servers use ntp")
		case address == nil:
			r.Refuse(item, "services: a name server without an address")
		default:
			out = append(out, address)
		}
	}
	return out
}

// static are the types of networks with an address; dynamic say which key of ours turns the others on.
var (
	static  = map[string]bool{"ipv4": true, "static": true, "ipv6": true, "static6": true}
	dynamic = map[string]string{"ipv4_dhcp": "dhcp", "ipv6_dhcp": "dhcp6", "ipv6_dhcpv6-stateful": "dhcp6",
		"ipv6_slaac": "accept_ra", "ipv6_dhcpv6-stateless": "accept_ra"}
)

// network puts the addresses and routes of a network on its link.
func (r *reader) network(item *yaml.Node) {
	pairs := r.Pairs(item)
	l, kind := r.links[text(pairs, "link")], text(pairs, "type")
	switch {
	case l == nil:
		r.Refuse(item, "networks: want link: the id of one of links")
		return
	case r.member[l.id]:
		r.Note(item, "networks: a member of a bond has no addresses; say it of the bond")
		return
	case !static[kind] && dynamic[kind] == "":
		r.Refuse(item, "networks: want type: ipv4, ipv4_dhcp, ipv6, ipv6_slaac, ipv6_dhcpv6-stateful or ipv6_dhcpv6-stateless")
		return
	}
	l.dhcp = l.dhcp || dynamic[kind] == "dhcp"
	l.ra = l.ra || dynamic[kind] == "dhcp6" || dynamic[kind] == "accept_ra"
	if dynamic[kind] == "dhcp6" {
		l.Put(draft.Bool(item, true), "dhcp6")
	}
	if static[kind] {
		l.address(item, pairs)
	}
	for _, p := range pairs {
		r.ofNetwork(l, p)
	}
}

func (l *link) address(item *yaml.Node, pairs []draft.Pair) {
	address := value(pairs, "ip_address")
	if address == nil {
		l.Refuse(item, "networks: a network of this type needs ip_address")
		return
	}
	s, _ := l.Scalar(address)
	l.static6 = l.static6 || strings.Contains(s, ":")
	l.Address(address, s, text(pairs, "netmask"))
}

func (r *reader) ofNetwork(l *link, p draft.Pair) {
	switch p.Key {
	case "id", "link", "type", "ip_address", "netmask", "network_id": // read, or only the cloud's
	case "gateway":
		if s, ok := l.Scalar(p.Value); ok && s != "" {
			l.Gateway(p.Value, s)
		}
	case "routes":
		for _, item := range r.Items(p.Value) {
			r.route(l, item)
		}
	case "services":
		l.DNS(r.servers(r.Items(p.Value)), nil)
	case "dns_nameservers":
		l.DNS(r.Items(p.Value), nil)
	case "dns_search":
		l.DNS(nil, r.Items(p.Value))
	default:
		nic.Unknown(r.Draft, p.At, []string{"id", "link", "type", "ip_address", "netmask", "network_id", "gateway", "routes", "services"})
	}
}

// route adds a route. A gateway of 0.0.0.0 or :: is none.
func (r *reader) route(l *link, item *yaml.Node) {
	pairs := r.Pairs(item)
	to, mask := value(pairs, "network"), text(pairs, "netmask")
	if to == nil {
		r.Refuse(item, "routes: a route without a network")
		return
	}
	network := text(pairs, "network")
	if !strings.Contains(network, "/") && mask != "" {
		network = nic.Network(network, mask)
	}
	route := draft.Map(item)
	draft.Put(route, draft.Text(to, network), "to")
	for _, p := range pairs {
		hop, _ := draft.String(p.Value)
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		switch {
		case p.Key == "gateway" && hop != "" && (err != nil || !a.IsUnspecified()):
			draft.Put(route, draft.Text(p.Value, strings.TrimSpace(hop)), "via")
		case p.Key == "services":
			l.DNS(r.servers(r.Items(p.Value)), nil)
		case p.Key != "network" && p.Key != "netmask" && p.Key != "gateway":
			nic.Unknown(r.Draft, p.At, []string{"network", "netmask", "gateway", "services"})
		}
	}
	l.Add(route, "routes")
}
