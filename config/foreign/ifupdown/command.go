package ifupdown

import (
	"encoding/hex"
	"net"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// Command translates a command that sets up an interface by a program that is not here, and says whether it was one:
// `connmanctl config SERVICE …`, alone. Others run as they are.
func Command(d *draft.Draft, text string, at *yaml.Node) (handled bool) {
	words := strings.Fields(text)
	if len(words) > 0 && words[0] == "sudo" {
		words = words[1:]
	}
	if len(words) < 4 || !strings.HasSuffix("/"+words[0], "/connmanctl") || words[1] != "config" || strings.ContainsAny(text, "$`;|&<>(){}\"'") {
		return false
	}
	name := interfaceOf(words[2])
	if name == "" {
		return false
	}
	f := file{d, "connmanctl", text, at}
	n := f.nic(name)
	for rest := words[3:]; len(rest) > 0; {
		option := rest[0]
		end := 1 + slices.IndexFunc(append(rest[1:], "--"), func(w string) bool { return strings.HasPrefix(w, "--") })
		f.connmanOption(n, option, rest[1:end])
		rest = rest[end:]
	}
	return true
}

// interfaceOf returns the hardware address in a name of connman's services, ethernet_525400123456_cable.
func interfaceOf(service string) string {
	parts := strings.Split(service, "_")
	if len(parts) < 3 || parts[0] != "ethernet" {
		return ""
	}
	raw, err := hex.DecodeString(parts[1])
	if err != nil || len(raw) != 6 {
		return ""
	}
	return net.HardwareAddr(raw).String()
}

func (f file) connmanOption(n *nic.NIC, option string, args []string) {
	joined := draft.Text(f.at, strings.Join(args, " "))
	switch option {
	case "--ipv4", "--ipv6":
		automatic := map[string]string{"--ipv4": "dhcp", "--ipv6": "accept_ra"}[option]
		if len(args) > 0 && args[0] == "manual" {
			args = args[1:]
		}
		f.serviceAddress(n, draft.Text(f.at, strings.Join(args, "/")), automatic)
	case "--nameservers":
		n.DNS(list(joined), nil)
	case "--domains":
		n.DNS(nil, list(joined))
	case "--timeservers":
		for _, server := range list(joined) {
			f.Append(server, "ntp", "servers")
		}
	case "--autoconnect": // always
	default:
		f.note("an option that has no effect; use network.interfaces")
	}
}
