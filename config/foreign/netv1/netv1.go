// Package netv1 translates network documents of cloud-init, version 1: a list of devices, name servers and routes below
// `config` (cloudinit.readthedocs.io, Networking config Version 1). It refuses entries of no known type.
package netv1

import (
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
	"github.com/proa-os/proa/config/rule"
)

// Is says whether a mapping is a document of this kind: a list `config`, or the word that turns the network off.
func Is(n *yaml.Node) bool {
	config := find(draft.New().Pairs(n), "config")
	return config != nil && (config.Kind == yaml.SequenceNode || config.Value == "disabled")
}

func find(pairs []draft.Pair, key string) *yaml.Node {
	for _, p := range pairs {
		if p.Key == key && !draft.IsNull(p.Value) {
			return p.Value
		}
	}
	return nil
}

// reader is a document that is being translated.
type reader struct {
	*draft.Draft
	labels map[string]string // keys of network.interfaces by the document's names
	member map[string]bool   // devices that are part of a bond or a bridge
}

// entry is one entry of the list.
type entry struct {
	*nic.NIC
	at    *yaml.Node
	pairs []draft.Pair
	name  string
}

// types are the types of entries.
var types = map[string]func(*reader, entry){
	"physical": (*reader).physical, "bond": (*reader).bond, "bridge": (*reader).bridge, "vlan": (*reader).vlan,
	"nameserver": (*reader).nameserver, "route": (*reader).route, "loopback": (*reader).loopback,
	"infiniband": func(r *reader, e entry) {
		r.Note(e.at, "infiniband: InfiniBand is not supported; the device is left out")
	},
}

// Translate translates a document, or the value of its key `network`.
func Translate(d *draft.Draft, doc *yaml.Node) {
	pairs := d.Pairs(doc)
	if network := find(pairs, "network"); network != nil && find(pairs, "config") == nil {
		pairs = d.Pairs(network)
	}
	r := &reader{d, map[string]string{}, map[string]bool{}}
	list := find(pairs, "config")
	if list == nil || list.Kind != yaml.SequenceNode {
		if list != nil {
			d.Note(list, "config: the network is not turned off here: without other settings wired interfaces use DHCP")
		}
		return
	}
	entries := r.entries(list)
	for _, e := range entries {
		kind, _ := draft.String(find(e.pairs, "type"))
		if translate := types[kind]; translate != nil {
			translate(r, e)
			continue
		}
		d.Refuse(e.at, "config: want type: physical, vlan, bond, bridge, nameserver, route or loopback")
	}
}

// entries returns the entries, and notes what they are called and what is part of what.
func (r *reader) entries(list *yaml.Node) (out []entry) {
	for _, item := range r.Items(list) {
		if nic.Full(r.Draft, item, len(out)) {
			break
		}
		if item.Kind != yaml.MappingNode {
			r.Refuse(item, "config: want a list of devices: - type: physical")
			continue
		}
		e := entry{at: item, pairs: r.Pairs(item)}
		e.name, _ = draft.String(find(e.pairs, "name"))
		out = append(out, e)
		for _, key := range []string{"bond_interfaces", "bridge_interfaces"} {
			for _, m := range draft.New().Items(find(e.pairs, key)) {
				r.member[m.Value] = true
			}
		}
	}
	taken := map[string]bool{}
	for _, e := range out {
		kind, _ := draft.String(find(e.pairs, "type"))
		if r.labels[e.name] == "" && kind == "physical" && find(e.pairs, "mac_address") != nil {
			label := nic.Label(e.name, func(s string) bool { return taken[s] })
			r.labels[e.name], taken[label] = label, true
		}
	}
	return out
}

// key returns the key of network.interfaces for a device of the document, or for an interface of the kernel.
func (r *reader) key(name string) string {
	if key := r.labels[name]; key != "" {
		return key
	}
	return name
}

// begin begins the interface of an entry; nil if it has no name.
func (r *reader) begin(e entry) *entry {
	if e.name == "" {
		r.Refuse(e.at, "config: a device without a name")
		return nil
	}
	e.NIC = nic.New(r.Draft, e.at, r.key(e.name))
	return &e
}

// physical is found by its hardware address, if it is given, and gets the name, as cloud-init has it.
func (r *reader) physical(e entry) {
	dev := r.begin(e)
	if dev == nil {
		return
	}
	if mac := find(e.pairs, "mac_address"); mac != nil {
		if text, ok := dev.Scalar(mac); ok {
			dev.Add(draft.Text(mac, text), "match", "mac")
		}
		if rule.Nameable(dev.name) && r.key(dev.name) == dev.name && !dev.Has("rename") {
			dev.Put(draft.Bool(e.at, true), "rename")
		}
	}
	r.settings(dev, "mac_address")
}

func (r *reader) vlan(e entry) {
	dev := r.begin(e)
	if dev == nil {
		return
	}
	if id := find(e.pairs, "vlan_id"); id != nil {
		dev.Int(id, "vlan", "id")
	}
	if link := find(e.pairs, "vlan_link"); link != nil {
		if name, ok := dev.Scalar(link); ok {
			dev.Put(draft.Text(link, r.key(name)), "vlan", "link")
		}
	}
	r.mac(dev)
	r.settings(dev, "vlan_id", "vlan_link", "mac_address")
}

func (r *reader) mac(dev *entry) {
	if mac := find(dev.pairs, "mac_address"); mac != nil {
		dev.Text(mac, "mac")
	}
}

func (r *reader) bond(e entry) {
	dev := r.begin(e)
	if dev == nil {
		return
	}
	dev.Put(draft.Text(e.at, nic.BondModes[0]), "bond", "mode")
	r.members(dev, "bond")
	for _, p := range r.params(dev) {
		name := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(p.Key, "bond-"), "bond_"), "-", "_")
		if name == "primary" {
			text, _ := dev.Scalar(p.Value)
			dev.Put(draft.Text(p.Value, r.key(text)), "bond", "primary")
			continue
		}
		if !dev.BondParameter(name, p.Value) {
			nic.Unknown(r.Draft, p.At, prefixed("bond-", nic.BondParameters()))
		}
	}
	r.mac(dev)
	r.settings(dev, "bond_interfaces", "params", "mac_address")
}

func prefixed(prefix string, words []string) (out []string) {
	for _, w := range words {
		out = append(out, prefix+w)
	}
	return out
}

func (r *reader) members(dev *entry, kind string) {
	for _, m := range r.Items(find(dev.pairs, kind+"_interfaces")) {
		if name, ok := dev.Scalar(m); ok {
			dev.Add(draft.Text(m, r.key(name)), kind, "members")
		}
	}
}

// params returns the parameters of a bond or a bridge, which may stand beside the other keys too.
func (r *reader) params(dev *entry) []draft.Pair { return r.Pairs(find(dev.pairs, "params")) }

// bridgeTimes are the parameters of bridges in seconds.
var bridgeTimes = map[string]string{"bridge_ageing": "ageing", "bridge_fd": "forward_delay",
	"bridge_hello": "hello_time", "bridge_maxage": "max_age"}

// bridge: without a word about it there is no spanning tree, as in bridge-utils-interfaces(5).
func (r *reader) bridge(e entry) {
	dev := r.begin(e)
	if dev == nil {
		return
	}
	dev.Put(draft.Bool(e.at, false), "bridge", "stp")
	r.members(dev, "bridge")
	for _, p := range r.params(dev) {
		key := strings.ReplaceAll(p.Key, "-", "_")
		ours, isTime := bridgeTimes[key]
		switch {
		case isTime:
			dev.Put(nic.Span(p.Value, time.Second, time.Second), "bridge", ours)
		case key == "bridge_stp":
			dev.Bool(p.Value, "bridge", "stp")
		case key == "bridge_bridgeprio":
			dev.Int(p.Value, "bridge", "priority")
		case key == "bridge_pathcost":
			r.ofPorts(dev, p, "path_cost")
		case key == "bridge_portprio":
			r.ofPorts(dev, p, "port_priority")
		case key == "bridge_maxwait" || key == "bridge_waitport" || key == "bridge_gcint":
			r.Note(p.At, "%s: nothing waits for a bridge's ports, and the kernel chooses when it forgets", key)
		case key == "bridge_hw":
			dev.Text(p.Value, "mac")
		default:
			nic.Unknown(r.Draft, p.At, append(names(bridgeTimes), "bridge_stp", "bridge_bridgeprio", "bridge_pathcost",
				"bridge_portprio", "bridge_hw"))
		}
	}
	r.mac(dev)
	r.settings(dev, "bridge_interfaces", "params", "mac_address")
}

// ofPorts reads "INTERFACE NUMBER", one or a list.
func (r *reader) ofPorts(dev *entry, p draft.Pair, key string) {
	for _, item := range r.Items(p.Value) {
		text, _ := dev.Scalar(item)
		words := strings.Fields(text)
		if len(words) != 2 {
			r.Refuse(item, "%s: want INTERFACE NUMBER", p.Key)
			continue
		}
		dev.Int(draft.Text(item, words[1]), "bridge", key, r.key(words[0]))
	}
}

func names(m map[string]string) (out []string) {
	for key := range m {
		out = append(out, key)
	}
	return out
}
