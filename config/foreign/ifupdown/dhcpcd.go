package ifupdown

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// dhcpcd reads dhcpcd.conf(5): blocks that begin with `interface NAME`. What stands before them is about the client
// itself, except static name servers.
func dhcpcd(f file) {
	var n *nic.NIC
	said := map[string]bool{}
	for _, l := range f.lines("#") {
		switch l.word {
		case "interface":
			n = f.nic(strings.TrimSpace(l.rest))
		case "profile", "ssid":
			f.note("%s: settings that depend on the network that is found have no effect", l.word)
			return
		case "static", "inform":
			f.dhcpcdStatic(n, l)
		case "metric":
			if n != nil {
				n.Int(draft.Text(l.at, l.rest), "metric")
			}
		case "noipv6", "noipv6rs":
			if n != nil {
				n.Put(draft.Bool(l.at, false), "accept_ra")
			}
		case "denyinterfaces":
			for _, name := range strings.FieldsFunc(l.rest, func(r rune) bool { return r == ' ' || r == ',' }) {
				f.nic(name).Put(draft.Bool(l.at, false), "dhcp")
			}
		case "fallback", "nohook", "env", "request", "require", "vendorclassid", "userclass", "script", "allowinterfaces":
			if !said[l.word] {
				f.note("%s: has no effect; use network.interfaces", l.word)
			}
			said[l.word] = true
		}
	}
}

// dhcpcdStatic reads KEY=VALUE behind static.
func (f file) dhcpcdStatic(n *nic.NIC, l line) {
	key, value := first(l.rest, "=")
	node := draft.Text(l.at, value)
	switch {
	case n == nil && key == "domain_name_servers":
		nic.DNS(f.Draft, list(node), nil)
	case n == nil:
		f.note("a static setting that is of no interface; use network.interfaces")
	case key == "ip_address" || key == "ip6_address":
		n.Address(l.at, value, "")
		if key == "ip_address" {
			n.Put(draft.Bool(l.at, false), "dhcp")
		}
	case key == "routers":
		for _, hop := range list(node) {
			n.Gateway(hop, hop.Value)
		}
	case key == "domain_name_servers":
		n.DNS(list(node), nil)
	case key == "domain_name" || key == "domain_search":
		n.DNS(nil, list(node))
	case key == "interface_mtu":
		n.Int(node, "mtu")
	case key == "routes" || key == "classless_static_routes":
		words := list(node)
		for i := 0; i+1 < len(words); i += 2 {
			route := draft.Map(node)
			draft.Put(route, words[i], "to")
			draft.Put(route, words[i+1], "via")
			n.Add(route, "routes")
		}
	default:
		f.note("a static setting that has no effect; use network.interfaces")
	}
}
