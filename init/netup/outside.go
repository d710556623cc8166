package netup

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// What anybody on the network may say is believed only in the shape that it should have, and only so much of it.
const (
	mostServers = 4
	mostDomains = 6
	mostRoutes  = 64
)

// host: an address that one machine on a network can have. Not the machine itself: nothing of proa's listens there for what networks name.
func host(a netip.Addr) bool {
	a = a.Unmap()
	broadcast := a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	thisNetwork := a.Is4() && a.As4()[0] == 0
	reserved := a.Is4() && a.As4()[0] >= 240
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !broadcast && !thisNetwork && !reserved
}

// hosts keeps what is an address of a machine, in order and each once, and says what is not.
func hosts(what string, list []netip.Addr, bad *[]string) (out []string) {
	seen := map[string]bool{}
	for _, a := range list {
		text := a.Unmap().String()
		switch {
		case !host(a):
			*bad = append(*bad, what+" "+text)
		case !seen[text] && len(out) < mostServers:
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

// domains keeps what is a domain, in order and each once, and says what is not.
func domains(list []string, bad *[]string) (out []string) {
	seen := map[string]bool{}
	for _, d := range list {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		switch {
		case d == "":
		case !domainName(d):
			*bad = append(*bad, "domain "+short(d))
		case !seen[d] && len(out) < mostDomains:
			seen[d], out = true, append(out, d)
		}
	}
	return out
}

// short is for the console: printable, quoted, and no longer than a line.
func short(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.QuoteToASCII(s)
}
