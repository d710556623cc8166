// Package outside refuses what anybody on a network may say, in an answer of DHCP or as a router, and what is not an address of a machine or a name
// of DNS: before it gets into resolv.conf, into a route, or onto the console.
package outside

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// How many name servers and domains of one speaker are taken.
const (
	MostServers = 4
	MostDomains = 6
)

// Host: an address that one machine on a network can have. Not the machine itself: nothing of proa's listens there for what networks name.
func Host(a netip.Addr) bool {
	a = a.Unmap()
	broadcast := a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	thisNetwork := a.Is4() && a.As4()[0] == 0
	reserved := a.Is4() && a.As4()[0] >= 240
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !broadcast && !thisNetwork && !reserved
}

// Hosts keeps what is an address of a machine, in order and each once, and says what is not.
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

// label is what a name in resolv.conf may consist of (RFC 1123, and the underscore that some sites have).
var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

func domainName(s string) bool {
	for _, l := range strings.Split(s, ".") {
		if !label.MatchString(l) {
			return false
		}
	}
	return len(s) <= 253
}

// Domains keeps what is a domain, in order and each once, and says what is not.
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

// Short is for the console: printable, quoted, and no longer than a line.
func Short(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.QuoteToASCII(s)
}
