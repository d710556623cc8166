package netplan

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

var (
	bond   = map[string]handler{"interfaces": members("bond"), "parameters": (*reader).bondParameters}
	bridge = map[string]handler{"interfaces": members("bridge"), "parameters": (*reader).bridgeParameters}
	vlan   = map[string]handler{
		"id":   func(_ *reader, dev *device, p draft.Pair) { dev.Int(p.Value, "vlan", "id") },
		"link": func(r *reader, dev *device, p draft.Pair) { r.reference(dev, p.Value, "vlan", "link") },
	}
)

// made sets what netplan has for a bond or a bridge that says nothing: systemd.netdev(5) leaves a bond's mode and a
// bridge's spanning tree to the kernel, and netplan turns the latter on as soon as there is a parameter.
func (r *reader) made(dev *device) {
	if dev.section.name == "bonds" {
		dev.Put(draft.Text(dev.at, nic.BondModes[0]), "bond", "mode")
		return
	}
	dev.Put(draft.Map(dev.at), "bridge")
	dev.Put(draft.Bool(dev.at, dev.has("parameters")), "bridge", "stp")
}

// reference sets the key of another interface.
func (r *reader) reference(dev *device, value *yaml.Node, path ...string) {
	if id, ok := dev.Scalar(value); ok {
		dev.Put(draft.Text(value, r.key(id)), path...)
	}
}

func members(kind string) handler {
	return func(r *reader, dev *device, p draft.Pair) {
		for _, item := range r.Items(p.Value) {
			if id, ok := dev.Scalar(item); ok {
				dev.Add(draft.Text(item, r.key(id)), kind, "members")
			}
		}
	}
}

// bondNames are the kernel's names of netplan's parameters.
var bondNames = map[string]string{
	"mode": "mode", "lacp-rate": "lacp_rate", "mii-monitor-interval": "miimon", "min-links": "min_links",
	"transmit-hash-policy": "xmit_hash_policy", "ad-select": "ad_select", "all-slaves-active": "all_slaves_active",
	"all-members-active": "all_slaves_active", "arp-interval": "arp_interval", "arp-ip-targets": "arp_ip_target",
	"arp-validate": "arp_validate", "arp-all-targets": "arp_all_targets", "up-delay": "updelay", "down-delay": "downdelay",
	"fail-over-mac-policy": "fail_over_mac", "gratuitous-arp": "num_grat_arp", "gratuitious-arp": "num_grat_arp",
	"packets-per-slave": "packets_per_slave", "packets-per-member": "packets_per_slave",
	"primary-reselect-policy": "primary_reselect", "resend-igmp": "resend_igmp", "learn-packet-interval": "lp_interval",
}

func (r *reader) bondParameters(dev *device, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		r.Refuse(p.Value, "parameters: want parameters by name: mode: active-backup")
	}
	for _, key := range r.Pairs(p.Value) {
		name, ok := bondNames[key.Key]
		switch {
		case draft.IsNull(key.Value):
		case key.Key == "primary":
			r.reference(dev, key.Value, "bond", "primary")
		case ok && dev.BondParameter(name, key.Value):
		default:
			nic.Unknown(r.Draft, key.At, append(names(bondNames, nil), "primary"))
		}
	}
}

// bridgeTimes are the parameters in seconds.
var bridgeTimes = map[string]string{"ageing-time": "ageing", "aging-time": "ageing", "forward-delay": "forward_delay",
	"hello-time": "hello_time", "max-age": "max_age"}

func (r *reader) bridgeParameters(dev *device, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		r.Refuse(p.Value, "parameters: want parameters by name: stp: false")
	}
	for _, key := range r.Pairs(p.Value) {
		ours, isTime := bridgeTimes[key.Key]
		switch {
		case draft.IsNull(key.Value):
		case isTime:
			dev.Put(nic.Span(key.Value, time.Second, time.Second), "bridge", ours)
		case key.Key == "stp":
			dev.Bool(key.Value, "bridge", "stp")
		case key.Key == "priority":
			dev.Int(key.Value, "bridge", "priority")
		case key.Key == "path-cost":
			r.ofPorts(dev, key, "path_cost")
		case key.Key == "port-priority":
			r.ofPorts(dev, key, "port_priority")
		default:
			nic.Unknown(r.Draft, key.At, append(names(bridgeTimes, nil), "stp", "priority", "path-cost", "port-priority"))
		}
	}
}

// ofPorts sets a number for each member.
func (r *reader) ofPorts(dev *device, p draft.Pair, key string) {
	for _, member := range r.Pairs(p.Value) {
		dev.Int(member.Value, "bridge", key, r.key(member.Key))
	}
}
