// Package rule validates single values: a table of rules by name, which the tags of the schema refer to. It never
// quotes a value in a message, because it may be a secret.
package rule

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/proa-os/proa/config/k3sflags"
)

// Rule validates one value; its message says what is expected.
type Rule struct {
	Judge func(string) (want string) // "" if the value is valid
	Clean func(string) string        // nil: only white space at its ends is removed
	ID    func(string) string        // nil: entries of a list cannot contradict each other
	Split func(string) []string      // nil: an entry of a list is one value
}

// rules are the rules by their name in a check tag.
var rules = map[string]Rule{
	"hostname":   want(matchesName(63), "a host name: letters a-z, digits and -, at most 63, beginning and ending with a letter or digit"),
	"nodename":   want(func(s string) bool { return domain(s) && !strings.HasSuffix(s, ".") }, "a name of lower-case letters, digits, - and ."),
	"domain":     want(domain, "a domain name"),
	"server":     want(func(s string) bool { return isIP(s) || domain(strings.ToLower(s)) }, "a host name or an IP address"),
	"sshkey":     {Judge: sshKey, Clean: oneLine, Split: keyLines},
	"path":       want(absolute, "an absolute path without . or .."),
	"writable":   {Judge: writable},
	"endpoint":   want(endpoint, "an endpoint such as https://mirror.example.org:5000"),
	"owner":      want(regexp.MustCompile(`^[a-z_0-9][a-z0-9_-]*(:[a-z_0-9][a-z0-9_-]*)?$`).MatchString, "USER or USER:GROUP"),
	"octal":      want(octal, "permissions in octal, such as 0644"),
	"module":     want(regexp.MustCompile(`^[A-Za-z0-9_-]+( [^\x00-\x1f\x7f]*)?$`).MatchString, "a module's name and, after a space, its parameters: NAME KEY=VALUE"),
	"sysctl":     {Judge: sysctl.Judge, Clean: dotted},
	"setting":    want(lengths(1, 4096), "a value"), // an empty value changes no setting
	"interface":  {Judge: interfaceName, Clean: hardwareAddress},
	"ip":         want(isIP, "an IP address"),
	"cidr":       want(isPrefix, "an address with prefix length, such as 192.168.1.20/24"),
	"hop":        want(isUnicast, "an IP address of one machine, without a zone such as %eth0"),
	"ifaddress":  want(isHostPrefix, "an address of one machine with prefix length, such as 192.168.1.20/24"),
	"metric":     want(between(0, math.MaxInt32), "0 or a number up to 2147483647"),
	"kept":       {Judge: kept},
	"nodeip":     {Judge: nodeIP},
	"component":  want(k3sflags.Disabled, "a packaged component, "+strings.Join(k3sflags.Packaged(), " or ")),
	"podrange":   {Judge: podRange},
	"svcrange":   {Judge: serviceRange},
	"opening":    want(opening, "PROTOCOL/PORT or PROTOCOL/FIRST-LAST, tcp or udp, and after \" from \" the only permitted source network, such as \"udp/5353 from 192.168.1.0/24\""),
	"pattern":    want(regexp.MustCompile(`^[A-Za-z0-9_.-]{1,14}[A-Za-z0-9_.*-]$`).MatchString, "the name of an interface, 2 to 15 characters, or the beginning of one and a *"),
	"mtu":        want(between(68, 65535), "0 or a number from 68 to 65535"),
	"port":       want(portNumber, "a port, 1 to 65535"),
	"url":        want(isURL, "a URL such as https://192.168.1.10:6443"),
	"ssid":       want(lengths(1, 32), "the name of a network, 1 to 32 bytes"),
	"passphrase": want(passphrase, "8 to 63 characters of ASCII, or 64 hexadecimal digits"),
	"token":      want(printable, "a token in one line"),
	"country":    want(regexp.MustCompile(`^[A-Z]{2}$`).MatchString, "a country as two capital letters, such as DE"),
	"deadline":   want(lasts(time.Minute, 24*time.Hour), "a duration from 1m to 24h, such as 15m"),
	"argument":   want(regexp.MustCompile(`^(--)?[a-z][a-z0-9_-]*(=.*)?$`).MatchString, "FLAG=VALUE"),
	"labelkey":   {Judge: labelKey},
	"labelvalue": {Judge: labelValue},
	"label":      {Judge: label},
	"taint":      {Judge: taint, ID: taintID},
}

var sysctl = want(regexp.MustCompile(`^[A-Za-z0-9_-]+([./][A-Za-z0-9_*:@-]+)+$`).MatchString, "a setting such as net.ipv4.ip_forward")

// dotted writes a setting the one way that two spellings of it can be told to be the same; a dot that is part of a name (eth0.5) wants slashes.
func dotted(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return strings.ReplaceAll(s, "/", ".")
}

// Of returns a rule by name. The rule for flags uses this table itself.
func Of(word string) (Rule, bool) {
	if word == "flag" {
		return Rule{Judge: flagArg}, true
	}
	for _, table := range []map[string]Rule{rules, machine, link, checks, upgrade} {
		if r, ok := table[word]; ok {
			return r, true
		}
	}
	return Rule{}, false
}

func want(ok func(string) bool, text string) Rule {
	return Rule{Judge: func(s string) string {
		if ok(s) {
			return ""
		}
		return text
	}}
}

func matchesName(limit int) func(string) bool {
	re := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	return func(s string) bool { return len(s) <= limit && re.MatchString(s) }
}

func domain(s string) bool {
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if !matchesName(63)(label) {
			return false
		}
	}
	return len(s) <= 253
}

func lengths(low, high int) func(string) bool {
	return func(s string) bool { return len(s) >= low && len(s) <= high }
}

var hexKey = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)

// passphrase as in IEEE 802.11: only printable ASCII works with all access points.
func passphrase(s string) bool {
	ascii := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return hexKey.MatchString(s) || ascii && lengths(8, 63)(s)
}

// printable: an invisible character in a token is a mistake.
func printable(s string) bool { return Hidden(s) == "" }

var kernelName = regexp.MustCompile(`^[^\s/:]{1,15}$`) // dev_valid_name in net/core/dev.c

func interfaceName(s string) string {
	if mac, err := net.ParseMAC(s); err == nil && len(mac) == 6 || kernelName.MatchString(s) && s != "." && s != ".." {
		return ""
	}
	return "an interface: a kernel name such as eth0, or a hardware address such as 52:54:00:12:34:56"
}

// hardwareAddress returns the canonical spelling, so that two spellings can be compared.
func hardwareAddress(s string) string {
	if mac, err := net.ParseMAC(s); err == nil && len(mac) == 6 {
		return mac.String()
	}
	return s
}

func portNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n <= 65535
}

func absolute(s string) bool {
	return path.IsAbs(s) && path.Clean(s) == s && s != "/" && strings.IndexFunc(s, unicode.IsControl) < 0
}

// endpoint may have no scheme, as in K3s.
func endpoint(s string) bool { return isURL(s) || isURL("https://"+s) && !strings.Contains(s, "://") }

func octal(s string) bool {
	n, err := strconv.ParseUint(s, 8, 32)
	return err == nil && n <= 0o7777
}

func isIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func isPrefix(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }

func isUnicast(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && unicast(a)
}

// unicast: an address that one machine can have.
func unicast(a netip.Addr) bool {
	return a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback()
}

func isHostPrefix(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && unicast(p.Addr())
}

var openPorts = regexp.MustCompile(`^(?:tcp|udp)/([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?$`)

// opening: only values of this form are passed to nft.
func opening(s string) bool {
	what, from, limited := strings.Cut(s, " from ")
	m := openPorts.FindStringSubmatch(what)
	if m == nil || limited && !isNetwork(from) {
		return false
	}
	return m[2] == "" && portNumber(m[1]) || portNumber(m[1]) && portNumber(m[2]) && len(m[1]) <= len(m[2]) && (len(m[1]) < len(m[2]) || m[1] <= m[2])
}

// isNetwork accepts an address or a network, without a zone.
func isNetwork(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == "" || isPrefix(s)
}

func between(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && (n == 0 || n >= low && n <= high)
	}
}

func lasts(low, high time.Duration) func(string) bool {
	return func(s string) bool {
		d, err := time.ParseDuration(s)
		return err == nil && d >= low && d <= high
	}
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && (u.Port() == "" || portNumber(u.Port()))
}
