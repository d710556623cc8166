package netplan

import (
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
	"github.com/proa-os/proa/config/rule"
)

// common are the keys that all devices have.
var common = map[string]handler{
	"accept-ra":       func(_ *reader, dev *device, p draft.Pair) { dev.Bool(p.Value, "accept_ra") },
	"activation-mode": (*reader).activation,
	"addresses":       (*reader).addresses,
	"dhcp4":           (*reader).dhcp4,
	"dhcp6":           (*reader).dhcp6,
	"dhcp4-overrides": (*reader).overrides,
	"dhcp6-overrides": (*reader).overrides,
	"gateway4":        (*reader).gateway,
	"gateway6":        (*reader).gateway,
	"link-local":      (*reader).linkLocal,
	"macaddress":      (*reader).macAddress,
	"mtu":             func(_ *reader, dev *device, p draft.Pair) { dev.Int(p.Value, "mtu") },
	"nameservers":     (*reader).nameservers,
	"optional":        func(_ *reader, dev *device, p draft.Pair) { dev.Bool(p.Value, "optional") },
	"renderer":        (*reader).renderer,
	"routes":          (*reader).routes,
	"routing-policy":  (*reader).rules,
}

// ethernet are the keys of wired devices.
var ethernet = map[string]handler{"match": (*reader).match, "set-name": (*reader).setName}

func (r *reader) dhcp4(dev *device, p draft.Pair) {
	on, ok := draft.Truth(p.Value)
	if !ok {
		r.Refuse(p.Value, "dhcp4: want true or false")
	}
	if on {
		dev.dhcp = p.Value
	}
}

func (r *reader) dhcp6(dev *device, p draft.Pair) {
	on, ok := draft.Truth(p.Value)
	dev.dhcp6 = on
	if on || !ok {
		dev.Bool(p.Value, "dhcp6")
	}
}

func (r *reader) gateway(dev *device, p draft.Pair) { dev.gateways = append(dev.gateways, p.Value) }

// linkLocal is a list of families that have link-local addresses; IPv6 unless it is set.
func (r *reader) linkLocal(dev *device, p draft.Pair) {
	v6 := false
	for _, item := range r.Items(p.Value) {
		switch text, _ := dev.Scalar(item); text {
		case "ipv6":
			v6 = true
		case "ipv4":
			r.Note(item, "link-local: there are no automatic IPv4 addresses (169.254.0.0/16) here; list one in addresses")
		default:
			r.Refuse(item, "link-local: want ipv4 or ipv6")
		}
	}
	if !v6 {
		dev.noLocal = p.Value
	}
}

func (r *reader) macAddress(dev *device, p draft.Pair) {
	switch text, _ := dev.Scalar(p.Value); text {
	case "permanent", "preserve": // as it is
	case "random", "stable", "stable-ssid":
		r.Note(p.At, "macaddress: the address is the device's own unless one is written here")
	default:
		dev.Text(p.Value, "mac")
	}
}

// activation: an interface that is off has no settings that could take effect.
func (r *reader) activation(dev *device, p draft.Pair) {
	dev.Put(draft.Bool(p.Value, true), "optional")
	r.Note(p.At, "activation-mode: nothing here brings an interface up later: it comes up at boot with its settings; "+
		"without any it is left alone if it has `dhcp4: false` and `accept-ra: false`")
}

// addresses are texts, or a text with options.
func (r *reader) addresses(dev *device, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if item.Kind != yaml.MappingNode {
			r.address(dev, item, item.Value)
			continue
		}
		for _, a := range r.Pairs(item) {
			r.address(dev, a.At, a.Key)
			for _, option := range r.Pairs(a.Value) {
				r.addressOption(option)
			}
		}
	}
}

func (r *reader) address(dev *device, at *yaml.Node, text string) {
	if at.Kind != yaml.ScalarNode {
		r.Refuse(at, "addresses: want an address with prefix length")
		return
	}
	if a, err := netip.ParsePrefix(text); err == nil && a.Addr().IsLoopback() && dev.loopback() {
		return // the kernel's own
	}
	dev.Address(at, text, "")
}

func (r *reader) addressOption(p draft.Pair) {
	switch {
	case p.Key == "label":
		r.Note(p.At, "label: addresses have no labels here; nothing but the display of old tools depends on them")
	case p.Key == "lifetime" && p.Value.Value == "forever":
	case p.Key == "lifetime":
		r.Note(p.At, "lifetime: addresses are preferred forever; choose the source address of a route with its `from`")
	default:
		nic.Unknown(r.Draft, p.At, []string{"label", "lifetime"})
	}
}

func (r *reader) nameservers(dev *device, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		r.Refuse(p.Value, "nameservers: want addresses: [ADDRESS, …] and search: [DOMAIN, …]")
	}
	for _, key := range r.Pairs(p.Value) {
		switch key.Key {
		case "addresses":
			dev.DNS(r.Items(key.Value), nil)
		case "search":
			dev.DNS(nil, r.Items(key.Value))
		default:
			nic.Unknown(r.Draft, key.At, []string{"addresses", "search"})
		}
	}
}

// match selects interfaces. An empty one selects all.
func (r *reader) match(dev *device, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode || dev.key == "dummy-lo" {
		if p.Value.Kind != yaml.MappingNode {
			r.Refuse(p.Value, "match: want name, macaddress or driver")
		}
		return
	}
	pairs := r.Pairs(p.Value)
	if len(pairs) == 0 {
		dev.Add(draft.Text(p.Value, "*"), "match", "name")
	}
	keys := map[string]string{"name": "name", "macaddress": "mac", "driver": "driver"}
	for _, key := range pairs {
		ours, ok := keys[key.Key]
		if key.Key == "name" && dev.newName() == dev.key {
			continue // the hardware address says it all
		}
		if !ok {
			nic.Unknown(r.Draft, key.At, []string{"name", "macaddress", "driver"})
			continue
		}
		for _, item := range r.Items(key.Value) {
			r.pattern(dev, item, ours)
		}
	}
}

func (r *reader) pattern(dev *device, item *yaml.Node, key string) {
	text, _ := dev.Scalar(item)
	for _, word := range strings.Fields(text) {
		dev.Add(draft.Text(item, word), "match", key)
	}
}

// selects says whether a device without one of its patterns would be more interfaces than are meant.
func (r *reader) selects(dev *device) bool {
	for _, key := range draft.New().Pairs(dev.value("match")) {
		for _, item := range draft.New().Items(key.Value) {
			want := ""
			switch text, _ := draft.String(item); {
			case strings.HasPrefix(text, "!"):
				want = "patterns that do not exclude"
			case key.Key == "macaddress":
				want = notMAC(text)
			}
			if want != "" {
				r.Refuse(item, "match: want %s; the device is left out, because more interfaces than are meant would fit the rest", want)
				return false
			}
		}
	}
	return true
}

// notMAC returns what the schema wants of a hardware address; "" if it is one.
func notMAC(text string) string {
	mac, _ := rule.Of("mac")
	return mac.Judge(mac.Clean(strings.TrimSpace(text)))
}

// newName returns the name that set-name gives the device, if it can have it: it is found by one hardware address.
func (dev *device) newName() string {
	name, _ := draft.String(dev.value("set-name"))
	name = strings.TrimSpace(name)
	for _, p := range draft.New().Pairs(dev.value("match")) {
		if p.Key != "macaddress" {
			continue
		}
		if text, ok := draft.String(p.Value); ok && notMAC(text) == "" && rule.Nameable(name) {
			return name
		}
	}
	return ""
}

// setName: with the new name the hardware address alone tells whose it is.
func (r *reader) setName(dev *device, p draft.Pair) {
	name, _ := dev.Scalar(p.Value)
	if dev.key == name && dev.newName() == name {
		dev.Put(draft.Bool(p.Value, true), "rename")
		return
	}
	if m := dev.value("match"); m != nil {
		for _, key := range draft.New().Pairs(m) {
			if key.Key == "name" && key.Value.Value == name {
				return // it has the name
			}
		}
	}
	r.Note(p.At, "set-name: the interface keeps the kernel's name, because an interface gets another one only if `match` has its "+
		"macaddress, and no other device has that name; this document's references to it are kept")
}
