package netdata

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
	"github.com/proa-os/proa/config/rule"
)

// named returns the links with the keys that they have here: bond0, vlan20, and of cards a label.
func (r *reader) named(items []*yaml.Node) (out []*link) {
	bonds := 0
	for i, item := range items {
		if nic.Full(r.Draft, item, i) {
			break
		}
		l := &link{at: item, pairs: r.Pairs(item)}
		l.id, l.kind = text(l.pairs, "id"), text(l.pairs, "type")
		if l.id == "" || r.links[l.id] != nil {
			r.Refuse(item, "links: want an id, which no other link has")
			continue
		}
		name := text(l.pairs, "name")
		switch {
		case name != "":
		case l.kind == "bond":
			name = "bond" + strconv.Itoa(bonds)
			bonds++
		case l.kind == "vlan":
			name = "vlan" + text(l.pairs, "vlan_id")
		default:
			name = l.id
		}
		key := nic.Label(name, func(s string) bool { return r.taken[s] })
		r.keys[l.id], r.taken[key], r.links[l.id] = key, true, l
		for _, m := range draft.New().Items(value(l.pairs, "bond_links")) {
			r.member[m.Value] = l.kind == "bond" || r.member[m.Value]
		}
		out = append(out, l)
	}
	return out
}

// begin begins the interface of a link. Any other type than bond and vlan is how the host attaches a card.
func (r *reader) begin(l *link) {
	l.NIC = nic.New(r.Draft, l.at, r.keys[l.id])
	mac := value(l.pairs, "ethernet_mac_address")
	switch l.kind {
	case "bond":
		r.bond(l)
	case "vlan":
		r.vlan(l)
		if own := value(l.pairs, "vlan_mac_address"); own != nil {
			mac = own
		}
	default:
		r.card(l, mac)
		mac = nil
	}
	if mac != nil {
		l.Text(mac, "mac")
	}
	for _, p := range l.pairs {
		switch {
		case p.Key == "mtu" && !draft.IsNull(p.Value):
			l.Int(p.Value, "mtu")
		case l.kind == "bond" && strings.HasPrefix(p.Key, "bond_"):
		case !known[p.Key]:
			nic.Unknown(r.Draft, p.At, []string{"id", "type", "name", "mtu", "ethernet_mac_address", "vlan_id", "vlan_link",
				"vlan_mac_address", "bond_links", "bond_mode"})
		}
	}
}

// known are keys of links; vif_id and port ids are the cloud's.
var known = map[string]bool{"id": true, "type": true, "name": true, "mtu": true, "vif_id": true, "neutron_port_id": true,
	"ethernet_mac_address": true, "vlan_id": true, "vlan_link": true, "vlan_mac_address": true}

// card is found by its hardware address, or else by the name that the document gives it.
func (r *reader) card(l *link, mac *yaml.Node) {
	s, _ := draft.String(mac)
	switch {
	case mac != nil:
		l.Add(draft.Text(mac, strings.ReplaceAll(strings.TrimSpace(s), "-", ":")), "match", "mac")
		if name := text(l.pairs, "name"); rule.Nameable(name) && name == l.Key {
			l.Put(draft.Bool(mac, true), "rename")
		}
	case text(l.pairs, "name") == "":
		r.Refuse(l.at, "links: a card without ethernet_mac_address, by which it is found")
	}
}

func (r *reader) vlan(l *link) {
	if id := value(l.pairs, "vlan_id"); id != nil {
		l.Int(id, "vlan", "id")
	}
	if on := value(l.pairs, "vlan_link"); on != nil {
		l.Put(draft.Text(on, r.key(text(l.pairs, "vlan_link"))), "vlan", "link")
	}
}

func (r *reader) key(id string) string {
	if key := r.keys[id]; key != "" {
		return key
	}
	return id
}

func (r *reader) bond(l *link) {
	l.Put(draft.Text(l.at, nic.BondModes[0]), "bond", "mode")
	for _, m := range r.Items(value(l.pairs, "bond_links")) {
		if id, ok := l.Scalar(m); ok {
			l.Add(draft.Text(m, r.key(id)), "bond", "members")
		}
	}
	for _, p := range l.pairs {
		name, is := strings.CutPrefix(p.Key, "bond_")
		switch {
		case !is || name == "links" || draft.IsNull(p.Value):
		case name == "primary":
			l.Put(draft.Text(p.Value, r.key(text(l.pairs, p.Key))), "bond", "primary")
		case !l.BondParameter(name, p.Value):
			r.Note(p.At, "links: not a parameter of the kernel's bonding driver")
		}
	}
}

// end says what all networks of a link say together. Without a network a link has no addresses, and requests none; who
// has a static address in IPv6 has static routes too.
func (r *reader) end(l *link) {
	if r.member[l.id] {
		return
	}
	l.Put(draft.Bool(l.at, l.dhcp), "dhcp")
	if l.ra || l.static6 {
		l.Put(draft.Bool(l.at, l.ra), "accept_ra")
	}
}
