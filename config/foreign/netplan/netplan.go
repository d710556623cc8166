// Package netplan translates network documents of netplan (version 2), which are cloud-init's too: bare, or below
// `network`. It refuses values of the wrong kind; what the schema cannot say is named with the reason. The keys are those
// of netplan's YAML reference (netplan.readthedocs.io), release 1.2.
package netplan

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/netv1"
	"github.com/proa-os/proa/config/foreign/nic"
)

// section is one mapping of devices.
type section struct {
	name string
	keys map[string]handler // besides those that all devices have
	skip string             // why its devices are not made
}

// handler takes a key of a device over into the interface.
type handler func(*reader, *device, draft.Pair)

// sections are the kinds of devices. References between them do not depend on their order.
func sections() []section {
	const container = "; make it in a container with hostNetwork, or with k3s' own network"
	return []section{
		{name: "ethernets", keys: ethernet},
		{name: "wifis", keys: wifi},
		{name: "bonds", keys: bond},
		{name: "bridges", keys: bridge},
		{name: "vlans", keys: vlan},
		{name: "dummy-devices", keys: map[string]handler{}},
		{name: "tunnels", skip: "tunnels are not made here" + container},
		{name: "virtual-ethernets", skip: "pairs of virtual interfaces are not made here" + container},
		{name: "vrfs", skip: "VRFs are not made here; use routes with a table, and network.rules that choose it"},
		{name: "modems", skip: "there is no software for modems here; use a router that has one"},
		{name: "nm-devices", skip: "NetworkManager is not here; use ethernets or wifis"},
	}
}

// others are the keys beside the sections.
var others = map[string]handler{
	"version":  nil,
	"renderer": (*reader).renderer,
	"openvswitch": func(r *reader, _ *device, p draft.Pair) {
		r.Note(p.At, "openvswitch: Open vSwitch is not here; use bridges and bonds of the kernel")
	},
}

// IsKey says whether netplan has a top-level key of that name.
func IsKey(key string) bool {
	if _, ok := others[key]; ok {
		return true
	}
	_, ok := named(key)
	return ok
}

func named(key string) (section, bool) {
	for _, s := range sections() {
		if s.name == key {
			return s, true
		}
	}
	return section{}, false
}

// Is says whether a mapping is netplan's: it has devices, or says that it is version 2.
func Is(n *yaml.Node) bool {
	for _, p := range draft.New().Pairs(n) {
		version, _ := draft.Number(p.Value)
		if _, ok := named(p.Key); ok || p.Key == "version" && version == 2 || p.Key == "renderer" {
			return true
		}
	}
	return false
}

// Translate translates a document, or the value of its key `network`. Where both forms are in one document, only what
// is below `network` counts, as in cloud-init and netplan.
func Translate(d *draft.Draft, doc *yaml.Node) {
	pairs := d.Pairs(doc)
	wrapped := draft.Pair{}
	for _, p := range pairs {
		if p.Key == "network" && p.Value.Kind == yaml.MappingNode {
			wrapped = p
		}
	}
	switch {
	case wrapped.Value == nil:
		translate(d, doc, pairs)
		return
	case netv1.Is(wrapped.Value):
		netv1.Translate(d, wrapped.Value)
	default:
		translate(d, wrapped.Value, d.Pairs(wrapped.Value))
	}
	for _, p := range pairs {
		if p.At != wrapped.At && p.Key != "version" && IsKey(p.Key) {
			d.Note(p.At, "%s: not read, because there is `network` too, and what is below it counts", p.Key)
		}
	}
}

func translate(d *draft.Draft, doc *yaml.Node, pairs []draft.Pair) {
	if netv1.Is(doc) {
		netv1.Translate(d, doc)
		return
	}
	r := &reader{Draft: d, keys: map[string]string{}, member: map[string]bool{}}
	for _, p := range pairs {
		s, isSection := named(p.Key)
		handle, known := others[p.Key]
		switch {
		case isSection:
			r.collect(s, p)
		case handle != nil:
			handle(r, nil, p)
		case !known:
			nic.Unknown(d, p.At, topKeys())
		}
	}
	r.survey()
	for i := range r.devices {
		r.device(&r.devices[i])
	}
}

func topKeys() (out []string) {
	for _, s := range sections() {
		out = append(out, s.name)
	}
	for key := range others {
		out = append(out, key)
	}
	return out
}

// reader is a document that is being translated.
type reader struct {
	*draft.Draft
	devices []device
	keys    map[string]string // of network.interfaces, by the document's names of devices
	member  map[string]bool   // devices that are part of a bond or a bridge
	ranked  bool              // metrics tell which default route is preferred
	ranks   int               // interfaces that got a metric because of that
}

// collect lists the devices of a section.
func (r *reader) collect(s section, p draft.Pair) {
	if s.skip != "" {
		r.Note(p.At, "%s: %s", s.name, s.skip)
		return
	}
	if p.Value.Kind != yaml.MappingNode && !draft.IsNull(p.Value) {
		r.Refuse(p.Value, "%s: want devices by name: NAME: {…}", s.name)
	}
	for _, dev := range r.Pairs(p.Value) {
		if nic.Full(r.Draft, dev.At, len(r.devices)) {
			return
		}
		if dev.Key == "renderer" {
			r.renderer(nil, dev)
			continue
		}
		if dev.Value.Kind != yaml.MappingNode && !draft.IsNull(dev.Value) {
			r.Refuse(dev.Value, "%s: want the settings of a device: NAME: {…}", s.name)
			continue
		}
		r.devices = append(r.devices, device{section: s, id: dev.Key, at: dev.At, props: r.Pairs(dev.Value)})
	}
}

// survey finds the key of every device, and what is part of what, before any of them is translated.
func (r *reader) survey() {
	taken := map[string]bool{}
	for i, dev := range r.devices {
		if !dev.has("match") {
			r.keys[dev.id] = dev.id
			taken[dev.id] = true
		}
		if dev.loopback() {
			r.devices[i].key = "dummy-lo"
		}
	}
	for _, dev := range r.devices {
		if dev.has("match") {
			name := dev.newName()
			if name == "" || taken[name] {
				name = dev.id
			}
			key := nic.Label(name, func(s string) bool { return taken[s] })
			r.keys[dev.id], taken[key] = key, true
		}
		if _, made := dev.section.keys["interfaces"]; made {
			for _, m := range draft.New().Items(dev.value("interfaces")) {
				r.member[m.Value] = true
			}
		}
		r.ranked = r.ranked || dev.ranked()
	}
}

// key returns the key of network.interfaces for a device of the document, or for an interface of the kernel.
func (r *reader) key(id string) string {
	if key, ok := r.keys[id]; ok {
		return key
	}
	return id
}

func (r *reader) renderer(_ *device, p draft.Pair) {
	if name, _ := draft.String(p.Value); name != "" && name != "networkd" {
		r.Note(p.At, "renderer: proa sets up the network itself; no other program does")
	}
}
