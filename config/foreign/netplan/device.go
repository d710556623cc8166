package netplan

import (
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// device is one device of the document, and what its keys say together.
type device struct {
	*nic.NIC
	section  section
	id       string
	key      string // of network.interfaces, if it is not the reader's
	at       *yaml.Node
	props    []draft.Pair
	dhcp     *yaml.Node   // dhcp4, if it is true
	dhcp6    bool         // dhcp6 is true
	metric   *yaml.Node   // of routes from DHCP
	gateways []*yaml.Node // gateway4 and gateway6
	noLocal  *yaml.Node   // link-local has no ipv6
}

func (dev *device) value(key string) *yaml.Node {
	for _, p := range dev.props {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

func (dev *device) has(key string) bool {
	v := dev.value(key)
	return v != nil && !draft.IsNull(v)
}

// loopback says whether the device is the kernel's loopback interface, which can be matched too.
func (dev *device) loopback() bool {
	name := dev.id
	for _, p := range draft.New().Pairs(dev.value("match")) {
		if p.Key == "name" {
			name = p.Value.Value
		}
	}
	return name == "lo" && dev.section.name == "ethernets"
}

// ranked says whether the device gives a default route a metric, its own or that of DHCP.
func (dev *device) ranked() bool {
	look := draft.New()
	for _, key := range []string{"dhcp4-overrides", "dhcp6-overrides"} {
		for _, p := range look.Pairs(dev.value(key)) {
			if p.Key == "route-metric" {
				return true
			}
		}
	}
	for _, route := range look.Items(dev.value("routes")) {
		keys := map[string]string{}
		for _, p := range look.Pairs(route) {
			keys[p.Key] = p.Value.Value
		}
		if isDefault(keys["to"]) && keys["metric"] != "" && keys["table"] == "" {
			return true
		}
	}
	return false
}

func isDefault(to string) bool {
	return to == "default" || strings.HasSuffix(to, "/0")
}

// device translates one device.
func (r *reader) device(dev *device) {
	if dev.key == "" {
		dev.key = r.key(dev.id)
	} else if !r.onDummy(dev) {
		return
	}
	if !r.selects(dev) {
		return
	}
	dev.NIC = nic.New(r.Draft, dev.at, dev.key)
	switch dev.section.name {
	case "dummy-devices":
		dev.Put(draft.Bool(dev.at, true), "dummy")
	case "bonds", "bridges":
		r.made(dev)
	}
	for _, p := range dev.props {
		r.property(dev, p)
	}
	r.addressing(dev)
}

// onDummy says whether the loopback interface has addresses that it does not have by itself; they are put on a dummy.
func (r *reader) onDummy(dev *device) bool {
	more := false
	for _, item := range r.Items(dev.value("addresses")) {
		p, err := netip.ParsePrefix(item.Value)
		more = more || err != nil || !p.Addr().IsLoopback()
	}
	if more {
		r.Note(dev.at, "the loopback interface is the kernel's; the addresses are on a dummy interface, dummy-lo")
		nic.New(r.Draft, dev.at, dev.key).Put(draft.Bool(dev.at, true), "dummy")
	}
	return more
}

// ofAddresses are keys that have no effect on a member of a bond or a bridge.
var ofAddresses = map[string]bool{"accept-ra": true, "addresses": true, "dhcp4": true, "dhcp6": true, "gateway4": true,
	"gateway6": true, "nameservers": true, "routes": true, "link-local": true, "dhcp4-overrides": true, "dhcp6-overrides": true}

func (r *reader) property(dev *device, p draft.Pair) {
	handle := dev.section.keys[p.Key]
	if handle == nil {
		handle = common[p.Key]
	}
	why, named := effectless[p.Key]
	switch {
	case draft.IsNull(p.Value): // as if it were not there
	case r.member[dev.id] && ofAddresses[p.Key]:
		if on, isBool := draft.Truth(p.Value); (on || !isBool) && len(r.Items(p.Value)) > 0 {
			r.Note(p.At, "%s: a member of a bond or bridge has no addresses; say it of the bond or bridge", p.Key)
		}
	case handle != nil:
		handle(r, dev, p)
	case named:
		why.say(r, p)
	default:
		nic.Unknown(r.Draft, p.At, dev.known())
	}
}

func (dev *device) known() (out []string) {
	for _, table := range []map[string]handler{dev.section.keys, common} {
		for key := range table {
			out = append(out, key)
		}
	}
	for key := range effectless {
		out = append(out, key)
	}
	return out
}

// addressing sets what several keys say together. A device without dhcp4 has no DHCP.
func (r *reader) addressing(dev *device) {
	if r.member[dev.id] {
		return
	}
	at := dev.at
	if dev.dhcp != nil {
		at = dev.dhcp
	}
	dev.Put(draft.Bool(at, dev.dhcp != nil), "dhcp")
	if dev.noLocal != nil && !dev.Has("accept_ra") {
		dev.Put(draft.Bool(dev.noLocal, false), "accept_ra")
	}
	if dev.metric == nil && r.ranked && (dev.dhcp != nil || dev.dhcp6) {
		dev.metric = draft.Int(at, r.rank(dev))
	}
	for _, hop := range dev.gateways {
		text, _ := dev.Scalar(hop)
		if dev.metric != nil { // which is not that of a static route
			dev.DefaultRoute(hop, text)
			continue
		}
		dev.Gateway(hop, text)
	}
	if dev.metric != nil && (dev.dhcp != nil || dev.dhcp6) {
		dev.Int(dev.metric, "metric")
	}
}

// rank returns the metric that netplan gives routes from DHCP: 100, and 600 for Wi-Fi. They differ, so that two
// interfaces can have a default route.
func (r *reader) rank(dev *device) int {
	r.ranks++
	if dev.section.name == "wifis" {
		return 599 + r.ranks
	}
	return 99 + r.ranks
}
