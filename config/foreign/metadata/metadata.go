// Package metadata translates the meta-data that a NoCloud medium or a cloud gives about a machine: its name, its keys and
// its network. Everything else in it describes the cloud, and is no setting.
package metadata

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nodename"
)

// Network translates the network that meta-data brings.
type Network func(d *draft.Draft, doc *yaml.Node)

// Is says whether a document is meta-data.
func Is(doc *yaml.Node) bool {
	return slices.ContainsFunc([]string{"instance-id", "instance_id", "local-hostname", "local_hostname", "public-keys"},
		func(key string) bool { return draft.Get(draft.Resolved(doc), key) != nil })
}

// Translate translates a document.
func Translate(d *draft.Draft, doc *yaml.Node, network Network) {
	for _, p := range d.Pairs(doc) {
		if draft.IsNull(p.Value) {
			continue
		}
		switch p.Key {
		case "local-hostname", "local_hostname":
			name(d, p)
		case "hostname":
			if d.Get("hostname") == nil { // the local one counts
				name(d, p)
			}
		case "public-keys", "public_keys":
			keys(d, p.Value)
		case "network", "network-config":
			network(d, p.Value)
		case "seedfrom":
			d.Note(p.Value, "seedfrom: not followed; put the files beside this one, or give the address as ds=nocloud;s=URL on the kernel command line")
		}
	}
}

func name(d *draft.Draft, p draft.Pair) {
	if s, ok := draft.String(p.Value); ok {
		nodename.Set(d, p.Value, s)
		return
	}
	d.Refuse(p.Value, "%s: want text", p.Key)
}

// keys are one key, a list, or a mapping of names to keys or, as EC2 has it, to mappings that hold them.
func keys(d *draft.Draft, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for _, p := range d.Pairs(n) {
			keys(d, p.Value)
		}
		return
	}
	for _, item := range d.Items(n) {
		switch s, ok := draft.String(item); {
		case item.Kind == yaml.MappingNode:
			keys(d, item)
		case ok && s != "":
			d.Append(draft.Text(item, s), "ssh_authorized_keys")
		}
	}
}
