package ifupdown

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// networkManager reads a connection of NetworkManager, nm-settings-keyfile(5), for wired interfaces and Wi-Fi.
func networkManager(f file) {
	sections := map[string]part{}
	for _, p := range f.parts() {
		sections[p.name] = p
	}
	about := sections["connection"]
	kind := about.get("type")
	switch kind {
	case "wifi", "802-11-wireless":
		f.managerWiFi(sections)
	case "ethernet", "802-3-ethernet":
	default:
		f.note("connections of this type have no effect; use network.interfaces")
		return
	}
	ip4, ip6 := sections["ipv4"], sections["ipv6"]
	device := about.node("interface-name")
	mac := sections["ethernet"].get("mac-address") + sections["802-3-ethernet"].get("mac-address")
	if device == nil && mac == "" && ip4.get("method") != "manual" && ip6.get("method") != "manual" {
		return // what interfaces do by themselves
	}
	n := f.managerNIC(device != nil, about.get("interface-name"), mac, kind)
	n.Put(draft.Bool(f.at, ip4.get("method") == "auto"), "dhcp")
	if method := ip6.get("method"); method == "disabled" || method == "ignore" || method == "manual" {
		n.Put(draft.Bool(f.at, false), "accept_ra")
	}
	for _, p := range []part{ip4, ip6} {
		f.managerIP(n, p)
	}
}

func (f file) managerNIC(named bool, name, mac, kind string) *nic.NIC {
	switch {
	case mac != "":
		return f.nic(strings.ToLower(mac))
	case named:
		return f.nic(name)
	}
	pattern := map[bool]string{true: "wl*", false: "e*"}[strings.Contains(kind, "wi")]
	n := f.nic(nic.Label("nm-"+kind, func(string) bool { return false }))
	n.Add(draft.Text(f.at, pattern), "match", "name")
	return n
}

// managerIP reads [ipv4] or [ipv6]: address1=ADDRESS/PREFIX,GATEWAY and so on.
func (f file) managerIP(n *nic.NIC, p part) {
	for _, s := range p.settings {
		words := list(s.value)
		switch {
		case len(words) == 0:
		case strings.HasPrefix(s.key, "address") && s.key != "address-data":
			n.Address(s.value, words[0].Value, "")
			if len(words) > 1 {
				n.Gateway(words[1], words[1].Value)
			}
		case s.key == "gateway":
			n.Gateway(words[0], words[0].Value)
		case s.key == "dns":
			n.DNS(words, nil)
		case s.key == "dns-search":
			n.DNS(nil, words)
		case s.key == "route-metric":
			n.Int(s.value, "metric")
		case strings.HasPrefix(s.key, "route") && !strings.Contains(s.key, "-"):
			route := draft.Map(s.value)
			for i, key := range []string{"to", "via", "metric"} {
				if i < len(words) {
					draft.Put(route, nic.Int(words[i]), key)
				}
			}
			n.Add(route, "routes")
		}
	}
}

func (f file) managerWiFi(sections map[string]part) {
	radio, security := sections["wifi"], sections["wifi-security"]
	name := radio.node("ssid")
	switch {
	case name == nil:
		f.note("a connection of Wi-Fi without ssid; use network.wifi")
		return
	case radio.get("mode") == "ap" || radio.get("mode") == "adhoc":
		f.note("the machine can join networks, and make none")
		return
	case strings.Contains(security.get("key-mgmt"), "eap"):
		f.note("networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase")
		return
	}
	network := draft.Map(name)
	draft.Put(network, name, "name")
	if pass := security.node("psk"); pass != nil {
		draft.Put(network, pass, "passphrase")
	}
	if hidden := radio.node("hidden"); hidden != nil {
		draft.Put(network, nic.Bool(hidden), "hidden")
	}
	nic.AddWiFi(f.Draft, network)
}
