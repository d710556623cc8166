package ifupdown

import (
	"encoding/hex"
	"net"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

var likeInterface = regexp.MustCompile(`^(eth|en|wl|usb|bond|br)[A-Za-z0-9.]{0,12}$`)

// connman reads a file of services, connman-service.config(5). k3OS had no other way to give an interface an address.
func connman(f file) {
	for _, p := range f.parts() {
		name, ok := strings.CutPrefix(p.name, "service_")
		switch {
		case ok:
			f.service(name, p)
		case p.name != "" && p.name != "global":
			f.note("of its sections only [service_…] have an effect")
		}
	}
}

func (f file) service(name string, p part) {
	wireless := strings.EqualFold(p.get("type"), "wifi")
	if wireless {
		f.serviceWiFi(p)
	}
	if !wireless || p.get("ipv4") != "" || p.get("ipv6") != "" {
		n := f.serviceNIC(name, p, wireless)
		f.serviceAddress(n, p.node("ipv4"), "dhcp")
		f.serviceAddress(n, p.node("ipv6"), "accept_ra")
		n.DNS(list(p.node("nameservers")), append(list(p.node("searchdomains")), list(p.node("domain"))...))
	}
	for _, server := range list(p.node("timeservers")) {
		f.Append(server, "ntp", "servers")
	}
}

// serviceNIC finds the interface of a service by its hardware address or its name; without any, all of the type are meant.
func (f file) serviceNIC(name string, p part, wireless bool) *nic.NIC {
	if mac, err := net.ParseMAC(p.get("mac")); err == nil {
		return f.nic(mac.String())
	}
	if device := p.get("devicename"); device != "" {
		return f.nic(device)
	}
	if likeInterface.MatchString(name) {
		return f.nic(name)
	}
	n := f.nic(nic.Label(name, func(string) bool { return false }))
	pattern := "e*"
	if wireless {
		pattern = "wl*"
	}
	n.Add(draft.Text(f.at, pattern), "match", "name")
	return n
}

// serviceAddress reads off, auto, dhcp, or ADDRESS/NETMASK/GATEWAY. automatic is the key of the schema for what a family
// does without an address.
func (f file) serviceAddress(n *nic.NIC, value *yaml.Node, automatic string) {
	if value == nil {
		return
	}
	fields := strings.Split(value.Value, "/")
	switch word := strings.ToLower(fields[0]); {
	case word == "off":
		n.Put(draft.Bool(value, false), automatic)
	case word == "dhcp" || word == "auto" || word == "6to4":
		n.Put(draft.Bool(value, true), automatic)
	default:
		fields = append(fields, "", "")
		n.Address(value, fields[0], fields[1])
		if fields[2] != "" {
			n.Gateway(value, fields[2])
		}
		if automatic == "dhcp" {
			n.Put(draft.Bool(value, false), automatic)
		}
	}
}

func (f file) serviceWiFi(p part) {
	name := p.node("name")
	if raw, err := hex.DecodeString(p.get("ssid")); err == nil && len(raw) > 0 {
		name = draft.Text(p.node("ssid"), string(raw))
	}
	if name == nil {
		f.note("a service of Wi-Fi without a name; use network.wifi")
		return
	}
	network := draft.Map(name)
	draft.Put(network, name, "name")
	if pass := p.node("passphrase"); pass != nil {
		draft.Put(network, pass, "passphrase")
	}
	if hidden := p.node("hidden"); hidden != nil {
		draft.Put(network, nic.Bool(hidden), "hidden")
	}
	if p.get("eap") != "" {
		f.note("networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase")
		return
	}
	nic.AddWiFi(f.Draft, network)
}
