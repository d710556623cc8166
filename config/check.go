package config

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// rule judges one value; the text says what is wanted, and does not repeat the value.
type rule struct {
	ok   func(string) bool
	want string
}

// rules are the words that may stand in a check tag.
var rules = map[string]rule{
	"hostname":   {matchesName(63), "a host name: letters a-z, digits and -, at most 63, beginning and ending with a letter or digit"},
	"domain":     {domain, "a domain name"},
	"sshkey":     {sshKey, "a public key such as ssh-ed25519 AAAA… (github:USER and URLs are not fetched by this release)"},
	"path":       {absolute, "an absolute path without . or .."},
	"owner":      {regexp.MustCompile(`^[a-z_0-9][a-z0-9_-]*(:[a-z_0-9][a-z0-9_-]*)?$`).MatchString, "USER or USER:GROUP"},
	"octal":      {octal, "permissions in octal, such as 0644"},
	"sysctl":     {regexp.MustCompile(`^[A-Za-z0-9_-]+([./][A-Za-z0-9_*:@-]+)+$`).MatchString, "a setting such as net.ipv4.ip_forward"},
	"ip":         {isIP, "an IP address"},
	"cidr":       {isPrefix, "an address with prefix length, such as 192.168.1.20/24"},
	"mtu":        {between(68, 65535), "0 or a number from 68 to 65535"},
	"url":        {isURL, "a URL such as https://192.168.1.10:6443"},
	"ssid":       {lengths(1, 32), "the name of a network, 1 to 32 bytes"},
	"passphrase": {passphrase, "8 to 63 characters of ASCII, or 64 hexadecimal digits"},
	"country":    {regexp.MustCompile(`^[A-Z]{2}$`).MatchString, "a country as two capital letters, such as DE"},
	"flag":       {regexp.MustCompile(`^--[a-z0-9][a-z0-9-]*(=.*)?$`).MatchString, "a flag such as --disable=local-storage (flag and value in one entry, joined by =)"},
	"deadline":   {lasts(time.Minute, 24*time.Hour), "a duration from 1m to 24h, such as 15m"},
	"taint":      {regexp.MustCompile(`^[A-Za-z0-9./_-]+(=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$`).MatchString, "KEY=VALUE:EFFECT, where EFFECT is NoSchedule, PreferNoSchedule or NoExecute"},
}

// check applies a field's enum and check tags.
func (d *decoder) check(n *yaml.Node, value string, tag reflect.StructTag, name string) bool {
	if enum, ok := tag.Lookup("enum"); ok {
		allowed := strings.Split(enum, ",")
		if !slices.Contains(allowed, value) {
			d.bad(n, "%s: %s", name, notOneOf(value, allowed))
			return false
		}
	}
	for _, word := range strings.Split(tag.Get("check"), ",") {
		r, ok := rules[word]
		if !ok || value == "" && !neverEmpty(word) {
			continue // "required" is the struct's business
		}
		if !r.ok(value) {
			d.bad(n, "%s: want %s", name, r.want)
			return false
		}
	}
	return true
}

// neverEmpty: of most values the empty one means that there is none.
func neverEmpty(word string) bool { return word == "sshkey" || word == "ssid" }

func notOneOf(value string, allowed []string) string {
	allowed = slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	msg := fmt.Sprintf("%q is not one of %s", value, strings.Join(allowed, ", "))
	if n := Nearest(value, allowed); n != "" {
		msg += fmt.Sprintf("; did you mean %q?", n)
	}
	return msg
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

// sshKey accepts options before the type, as authorized_keys does, and insists on a body that is base64 of that type.
func sshKey(s string) bool {
	words := strings.Fields(s)
	for i, w := range words {
		if i+1 == len(words) || !(strings.HasPrefix(w, "ssh-") || strings.HasPrefix(w, "ecdsa-") || strings.HasPrefix(w, "sk-")) {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(words[i+1])
		return err == nil && len(raw) > 4+len(w) && string(raw[4:4+len(w)]) == w && !strings.ContainsAny(s, "\r\n")
	}
	return false
}

func lengths(low, high int) func(string) bool {
	return func(s string) bool { return len(s) >= low && len(s) <= high }
}

var hexKey = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)

// passphrase is as IEEE 802.11 has it: other bytes than ASCII's printable ones are not portable between access points.
func passphrase(s string) bool {
	printable := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return hexKey.MatchString(s) || printable && lengths(8, 63)(s)
}

func absolute(s string) bool { return path.IsAbs(s) && path.Clean(s) == s && s != "/" }

func octal(s string) bool {
	n, err := strconv.ParseUint(s, 8, 32)
	return err == nil && n <= 0o7777
}

func isIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func isPrefix(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }

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
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
