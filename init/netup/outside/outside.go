// Package outside validates what anybody on a network may send in DHCP answers or router advertisements, before it is
// used in resolv.conf, in a route, or on the console: it refuses values that are not the address of a machine or a DNS
// name.
package outside

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Limits of name servers and domains per source.
const (
	MostServers = 4
	MostDomains = 6
)

// Host says whether an address can be another machine's on a network. Not loopback: no service of proa's listens there
// for networks.
func Host(a netip.Addr) bool {
	a = a.Unmap()
	broadcast := a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	thisNetwork := a.Is4() && a.As4()[0] == 0
	reserved := a.Is4() && a.As4()[0] >= 240
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !broadcast && !thisNetwork && !reserved
}

// Hosts returns the valid addresses in order without duplicates, and reports the others.
func Hosts(what string, list []netip.Addr, bad *[]string) (out []string) {
	seen := map[string]bool{}
	for _, a := range list {
		text := a.Unmap().String()
		switch {
		case !Host(a):
			*bad = append(*bad, what+" "+text)
		case !seen[text] && len(out) < MostServers:
			seen[text], out = true, append(out, text)
		}
	}
	return out
}

// label matches a label of a name in resolv.conf (RFC 1123, and the underscore that some sites use).
var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

func domainName(s string) bool {
	for _, l := range strings.Split(s, ".") {
		if !label.MatchString(l) {
			return false
		}
	}
	return len(s) <= 253
}

// Domains returns the valid domains in order without duplicates, and reports the others.
func Domains(list []string, bad *[]string) (out []string) {
	seen := map[string]bool{}
	for _, d := range list {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		switch {
		case d == "":
		case !domainName(d):
			*bad = append(*bad, "domain "+Short(d))
		case !seen[d] && len(out) < MostDomains:
			seen[d], out = true, append(out, d)
		}
	}
	return out
}

// Short returns a string for the console: printable, quoted, and truncated.
func Short(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.QuoteToASCII(s)
}
