// Package nic builds entries of network.interfaces for the readers of other systems' network documents, which share how
// addresses, routes and the parameters of bonds and bridges are put. It refuses lists where a text is meant; what the
// schema checks it hands on as it is.
package nic

import (
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/yamlnode"
)

// MaxEntries bounds how many devices a document may have, and how many entries a list of one: each is compared with those
// before it.
const MaxEntries = 1000

// Full says whether a list of that length takes no more, which is refused.
func Full(d *draft.Draft, at *yaml.Node, length int) bool {
	if length < MaxEntries {
		return false
	}
	if last := len(d.Notes) - 1; last < 0 || d.Notes[last].Message != tooMany { // once in a row
		d.Refuse(at, tooMany)
	}
	return true
}

const tooMany = "more than 1000 entries; the rest is left out"

// NIC is one interface in the making.
type NIC struct {
	*draft.Draft
	Key  string // in network.interfaces
	node *yaml.Node
}

// New returns the interface of a key; one that another part of the document has begun is continued.
func New(d *draft.Draft, at *yaml.Node, key string) *NIC {
	node := d.Get("network", "interfaces", key)
	if node == nil {
		node = draft.Map(at)
		d.Set(node, "network", "interfaces", key)
	}
	return &NIC{d, key, node}
}

// Put sets a value at a path of keys below the interface.
func (n *NIC) Put(value *yaml.Node, path ...string) { draft.Put(n.node, value, path...) }

// Has says whether there is a value at a path of keys below the interface.
func (n *NIC) Has(path ...string) bool { return n.at(path...) != nil }

func (n *NIC) at(path ...string) *yaml.Node {
	at := n.node
	for _, key := range path {
		at = yamlnode.Lookup(at, key)
	}
	return at
}

// Add appends a value to the list at a path of keys, unless the same text is there already.
func (n *NIC) Add(value *yaml.Node, path ...string) {
	list := n.at(path...)
	if list == nil {
		list = draft.List(value)
		n.Put(list, path...)
	}
	if Full(n.Draft, value, len(list.Content)) {
		return
	}
	for _, have := range list.Content {
		if value.Kind == yaml.ScalarNode && have.Value == value.Value {
			return
		}
	}
	list.Content = append(list.Content, value)
}

// Text sets a text.
func (n *NIC) Text(value *yaml.Node, path ...string) {
	if text, ok := n.Scalar(value); ok {
		n.Put(draft.Text(value, text), path...)
	}
}

// Bool sets a boolean, and what is none as it stands there.
func (n *NIC) Bool(value *yaml.Node, path ...string) { n.Put(Bool(value), path...) }

// Int sets a number, and what is none as it stands there.
func (n *NIC) Int(value *yaml.Node, path ...string) { n.Put(Int(value), path...) }

// Scalar returns a value as text without white space around it; it refuses a list or a mapping.
func (n *NIC) Scalar(value *yaml.Node) (string, bool) { return Scalar(n.Draft, value) }

// Scalar returns a value as text without white space around it; it refuses a list or a mapping.
func Scalar(d *draft.Draft, value *yaml.Node) (string, bool) {
	text, ok := draft.String(value)
	if !ok {
		d.Refuse(value, "want a single value here")
	}
	return strings.TrimSpace(text), ok
}

// Bool returns a boolean of any spelling, and what is none as it is, which the schema refuses.
func Bool(value *yaml.Node) *yaml.Node {
	if b, ok := draft.Truth(value); ok {
		return draft.Bool(value, b)
	}
	return value
}

// Int returns a number of any spelling, and what is none as it is, which the schema refuses.
func Int(value *yaml.Node) *yaml.Node {
	if i, ok := draft.Number(value); ok {
		return draft.Int(value, i)
	}
	return value
}

// Address adds an address. mask is a netmask or the length of a prefix, empty if the address has it.
func (n *NIC) Address(at *yaml.Node, address, mask string) {
	n.Add(draft.Text(at, n.prefixed(at, address, mask)), "addresses")
}

func (n *NIC) prefixed(at *yaml.Node, address, mask string) string {
	if bare, own, has := strings.Cut(address, "/"); has {
		address, mask = bare, own
	}
	if mask != "" {
		return Network(address, mask)
	}
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return address
	case a.Is4():
		n.Note(at, "an address without prefix length; /24 is assumed: write the one of the network")
		return address + "/24"
	}
	n.Note(at, "an address without prefix length; /64 is assumed: write the one of the network")
	return address + "/64"
}

// Network joins an address and a netmask, or the length of a prefix. What is neither is joined as it is, which the schema
// refuses.
func Network(address, mask string) string {
	if m, err := netip.ParseAddr(mask); err == nil {
		return address + "/" + length(m)
	}
	return address + "/" + mask
}

// Single adds the prefix length of a single address where there is none.
func Single(network string) string {
	a, err := netip.ParseAddr(network)
	if err != nil {
		return network
	}
	return netip.PrefixFrom(a.WithZone(""), a.BitLen()).String()
}

// Gateway sets the default route's next hop. A second one, of the other family, becomes a route.
func (n *NIC) Gateway(at *yaml.Node, hop string) {
	if have := n.at("gateway"); have == nil || have.Value == hop {
		n.Put(draft.Text(at, hop), "gateway")
		return
	}
	n.DefaultRoute(at, hop)
}

// DefaultRoute adds a default route without a metric.
func (n *NIC) DefaultRoute(at *yaml.Node, hop string) {
	route := draft.Map(at)
	draft.Put(route, draft.Text(at, "default"), "to")
	draft.Put(route, draft.Text(at, hop), "via")
	n.Add(route, "routes")
}

// DNS adds name servers and search domains.
func (n *NIC) DNS(servers, search []*yaml.Node) {
	for _, s := range servers {
		for _, text := range n.words(s) {
			n.Add(draft.Text(s, text), "dns")
		}
	}
	for _, s := range search {
		for _, text := range Domains(n.Draft, s, n.words(s)) {
			n.Add(draft.Text(s, text), "search")
		}
	}
}

func (n *NIC) words(value *yaml.Node) []string {
	text, _ := n.Scalar(value)
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' })
}

// Domains returns search domains in lower case. Those with ~ only choose a server for lookups, which has no equivalent.
func Domains(d *draft.Draft, at *yaml.Node, words []string) (out []string) {
	for _, w := range words {
		if strings.HasPrefix(w, "~") || w == "." {
			d.Note(at, "a domain that chooses a name server has no effect: all servers are asked about all names")
			continue
		}
		out = append(out, strings.ToLower(w))
	}
	return out
}

// entries returns what was put into a list, which counts for no bound.
func entries(list *yaml.Node) []*yaml.Node {
	if list == nil {
		return nil
	}
	return list.Content
}

// DNS adds name servers and search domains of the machine.
func DNS(d *draft.Draft, servers, search []*yaml.Node) {
	add := func(at *yaml.Node, text, key string) {
		if Full(d, at, len(entries(d.Get("network", key)))) {
			return
		}
		for _, have := range entries(d.Get("network", key)) {
			if have.Value == text {
				return
			}
		}
		d.Append(draft.Text(at, text), "network", key)
	}
	n := &NIC{Draft: d}
	for _, s := range servers {
		for _, text := range n.words(s) {
			add(s, text, "dns")
		}
	}
	for _, s := range search {
		for _, text := range Domains(d, s, n.words(s)) {
			add(s, text, "search")
		}
	}
}

// Towards returns the key of the interface that has an address in one network with the hop; if none has, that of the only
// interface, or of the only one with DHCP; else nothing.
func Towards(d *draft.Draft, hop string) string {
	a, err := netip.ParseAddr(hop)
	all := d.Get("network", "interfaces")
	if err != nil || all == nil {
		return ""
	}
	var dhcp []string
	for i := 0; i+1 < len(all.Content); i += 2 {
		n := &NIC{d, all.Content[i].Value, all.Content[i+1]}
		for _, address := range entries(n.at("addresses")) {
			if p, err := netip.ParsePrefix(address.Value); err == nil && p.Contains(a) {
				return n.Key
			}
		}
		if on := n.at("dhcp"); len(all.Content) == 2 || on != nil && on.Value == "true" {
			dhcp = append(dhcp, n.Key)
		}
	}
	if len(dhcp) == 1 {
		return dhcp[0]
	}
	return ""
}
