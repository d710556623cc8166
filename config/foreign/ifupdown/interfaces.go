package ifupdown

import (
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// stanza is one `iface` of interfaces(5) that is being read.
type stanza struct {
	*nic.NIC
	name, family string
	mask         string
	address      *yaml.Node
}

// interfaces reads interfaces(5) with the options of ifupdown, bridge-utils, ifenslave, vlan and wpasupplicant.
func interfaces(f file) {
	f.text = strings.ReplaceAll(f.text, "\\\n", " ")
	var s *stanza
	for _, l := range f.lines("#") {
		switch l.word {
		case "iface":
			f.finish(s)
			s = f.stanza(l)
		case "auto", "source", "source-directory", "mapping", "no-auto-down", "no-scripts", "template", "rename":
			f.finish(s)
			s = nil
		default:
			if strings.HasPrefix(l.word, "allow-") {
				f.finish(s)
				s = nil
			} else if s != nil {
				f.option(s, l)
			}
		}
	}
	f.finish(s)
}

var vlanName = regexp.MustCompile(`^(?:(.+)\.|vlan)([0-9]{1,4})$`)

// stanza begins with `iface NAME FAMILY METHOD`. An alias, eth0:1, is a further address of eth0.
func (f file) stanza(l line) *stanza {
	words := append(strings.Fields(l.rest), "", "", "")
	name, _, alias := strings.Cut(words[0], ":")
	method := words[2]
	if name == "lo" || name == "" || name == "default" || method == "loopback" {
		return nil
	}
	s := &stanza{NIC: f.nic(name), name: name, family: words[1]}
	if m := vlanName.FindStringSubmatch(name); m != nil {
		s.Int(draft.Text(l.at, m[2]), "vlan", "id")
		if m[1] != "" {
			s.Put(draft.Text(l.at, m[1]), "vlan", "link")
		}
	}
	switch {
	case alias:
	case s.family == "inet6" && method == "dhcp":
		s.Put(draft.Bool(l.at, true), "dhcp6")
	case s.family == "inet6" && method == "auto":
		s.Put(draft.Bool(l.at, true), "accept_ra")
	case s.family == "inet6":
	default:
		s.Put(draft.Bool(l.at, method == "dhcp"), "dhcp")
	}
	return s
}

// finish adds the address, because its netmask may stand behind it.
func (f file) finish(s *stanza) {
	if s == nil {
		return
	}
	if s.address != nil {
		s.Address(s.address, s.address.Value, s.mask)
	}
	if s.family == "inet6" && !s.Has("dhcp") {
		s.Put(draft.Bool(f.at, false), "dhcp")
	}
}

// unneeded are options that say what follows from others, or that have no meaning here.
var unneeded = map[string]bool{"network": true, "broadcast": true, "wpa-conf": true, "wpa-roam": true,
	"bridge-maxwait": true, "bridge-waitport": true, "bridge-gcint": true, "wireless-power": true, "scope": true, "dad-attempts": true, "privext": true}

func (f file) option(s *stanza, l line) {
	value := draft.Text(l.at, l.rest)
	word := strings.ReplaceAll(l.word, "_", "-")
	switch {
	case word == "bond-master":
		f.nic(l.rest).Add(draft.Text(l.at, s.name), "bond", "members")
	case unneeded[word]:
	case word == "address":
		s.address = value
	case word == "netmask":
		s.mask = l.rest
	case word == "gateway":
		s.Gateway(l.at, l.rest)
	case word == "dns-nameservers" || word == "dns-nameserver":
		s.DNS(list(value), nil)
	case word == "dns-search" || word == "dns-domain":
		s.DNS(nil, list(value))
	case word == "mtu" || word == "metric":
		s.Int(value, word)
	case word == "hwaddress":
		s.Text(draft.Text(l.at, strings.TrimSpace(strings.TrimPrefix(l.rest, "ether"))), "mac")
	case word == "accept-ra":
		s.Put(draft.Bool(l.at, l.rest != "0"), "accept_ra")
	case word == "vlan-raw-device":
		s.Put(value, "vlan", "link")
	case word == "vlan-id":
		s.Int(value, "vlan", "id")
	case word == "wpa-ssid":
		f.wpaOption(s, value, "name")
	case word == "wpa-psk":
		f.wpaOption(s, value, "passphrase")
	case strings.HasPrefix(word, "bond-"):
		f.bondOption(s, strings.ReplaceAll(word[len("bond-"):], "-", "_"), value)
	case strings.HasPrefix(word, "bridge-"):
		f.bridgeOption(s, word[len("bridge-"):], value)
	case word == "up" || word == "post-up" || word == "pre-up":
		f.command(s, l)
	default:
		f.note("an option that has no effect; use network.interfaces, and run_cmd for commands")
	}
}

// wpaOption fills in the network of this stanza: name and passphrase may stand in any order.
func (f file) wpaOption(s *stanza, value *yaml.Node, key string) {
	value = draft.Text(value, strings.Trim(value.Value, `"`))
	for _, have := range f.Items(f.Get("network", "wifi")) {
		if len(have.Content) == 2 && have.Content[0].Value != key {
			draft.Put(have, value, key)
			return
		}
	}
	network := draft.Map(value)
	draft.Put(network, value, key)
	f.Append(network, "network", "wifi")
}

func (f file) bondOption(s *stanza, name string, value *yaml.Node) {
	switch {
	case name == "slaves":
		s.Put(draft.Text(value, s.mode()), "bond", "mode")
		for _, member := range list(value) {
			if member.Value != "none" {
				s.Add(member, "bond", "members")
			}
		}
	case name == "primary":
		s.Put(draft.Text(value, strings.Fields(value.Value + " -")[0]), "bond", "primary")
	case !s.BondParameter(name, value):
		f.note("a parameter of bonds that has no effect")
	}
}

// mode is the mode that was read, or that of the kernel.
func (s *stanza) mode() string {
	if mode := s.Get("network", "interfaces", s.Key, "bond", "mode"); mode != nil {
		return mode.Value
	}
	return nic.BondModes[0]
}

var bridgeTimes = map[string]string{"ageing": "ageing", "fd": "forward_delay", "hello": "hello_time", "maxage": "max_age"}

func (f file) bridgeOption(s *stanza, name string, value *yaml.Node) {
	switch words := list(value); {
	case name == "ports":
		if !s.Has("bridge", "stp") {
			s.Put(draft.Bool(value, false), "bridge", "stp")
		}
		for _, port := range words {
			if port.Value != "none" && port.Value != "all" && port.Value != "regex" {
				s.Add(port, "bridge", "members")
			}
		}
	case name == "stp":
		s.Bool(value, "bridge", "stp")
	case bridgeTimes[name] != "":
		s.Put(nic.Span(value, time.Second, time.Second), "bridge", bridgeTimes[name])
	case name == "bridgeprio":
		s.Int(value, "bridge", "priority")
	case name == "hw":
		s.Text(value, "mac")
	case (name == "pathcost" || name == "portprio") && len(words) == 2:
		s.Int(words[1], "bridge", map[string]string{"pathcost": "path_cost", "portprio": "port_priority"}[name], words[0].Value)
	default:
		f.note("a parameter of bridges that has no effect")
	}
}

// command reads `ip route add NETWORK via HOP`; other commands are named.
func (f file) command(s *stanza, l line) {
	words := strings.Fields(l.rest)
	if len(words) < 4 || words[0] != "ip" && words[0] != "/sbin/ip" || words[1] != "route" && words[1] != "r" || words[2] != "add" {
		f.note("commands have no effect here; use run_cmd, or routes and addresses of network.interfaces")
		return
	}
	route := draft.Map(l.at)
	draft.Put(route, draft.Text(l.at, words[3]), "to")
	keys := map[string]string{"via": "via", "metric": "metric", "table": "table", "src": "source", "mtu": "mtu", "scope": "scope"}
	for i := 4; i < len(words); i++ {
		switch key := keys[words[i]]; {
		case words[i] == "onlink":
			draft.Put(route, draft.Bool(l.at, true), "on_link")
		case words[i] == "dev":
			i++
		case key != "" && i+1 < len(words):
			i++
			draft.Put(route, nic.Int(draft.Text(l.at, words[i])), key)
		}
	}
	s.Add(route, "routes")
}
