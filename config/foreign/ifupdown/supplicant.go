package ifupdown

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// block is one network of wpa_supplicant.conf(5).
type block map[string]*yaml.Node

func (b block) get(key string) string {
	if b[key] == nil {
		return ""
	}
	return b[key].Value
}

// supplicant reads wpa_supplicant.conf(5). Networks with a higher priority come first, as they are tried first.
func supplicant(f file) {
	var networks []block
	var open block
	for _, l := range f.lines("#") {
		key, value := first(l.at.Value, "=")
		node := draft.Text(l.at, value)
		switch {
		case key == "network":
			open = block{}
			f.inline(open, node)
		case key == "}" && open != nil:
			networks, open = append(networks, open), nil
		case open != nil:
			open[key] = node
		case key == "country":
			f.Set(draft.Text(l.at, strings.ToUpper(strings.Trim(value, `"`))), "network", "wifi_country")
		}
		if open != nil && strings.HasSuffix(value, "}") && key != "}" && strings.HasPrefix(value, "{") {
			networks, open = append(networks, open), nil
		}
	}
	if open != nil {
		networks = append(networks, open) // the last } is missing
	}
	slices.SortStableFunc(networks, func(a, b block) int { return b.priority() - a.priority() })
	for _, b := range networks {
		f.joined(b)
	}
}

// inline reads a network in one line: network={ssid="a" psk="b"}.
func (f file) inline(b block, node *yaml.Node) {
	inside := strings.Trim(node.Value, "{} \t")
	for inside != "" {
		key, rest := first(inside, "=")
		end := strings.IndexAny(rest, " \t")
		if strings.HasPrefix(rest, `"`) {
			end = strings.Index(rest[1:], `"`) + 2
		}
		if end < 1 || end > len(rest) {
			end = len(rest)
		}
		b[key] = draft.Text(node, rest[:end])
		inside = strings.TrimSpace(rest[end:])
	}
}

func (b block) priority() int {
	i, _ := strconv.Atoi(b.get("priority"))
	return min(max(i, -1<<20), 1<<20)
}

// joined adds a network, unless it is off or has accounts.
func (f file) joined(b block) {
	name, ok := quoted(b["ssid"])
	method := strings.ToUpper(b.get("key_mgmt"))
	switch {
	case b.get("disabled") == "1":
		return
	case !ok:
		f.note("a network without ssid=\"NAME\"; use network.wifi")
		return
	case strings.Contains(method, "EAP") && !strings.Contains(method, "PSK"):
		f.note("networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase")
		return
	case strings.Contains(method, "8021X") || b["wep_key0"] != nil:
		f.note("networks with WEP cannot be joined; use one with WPA2 or WPA3")
		return
	case b.get("mode") != "" && b.get("mode") != "0":
		f.note("the machine can join networks, and make none")
		return
	}
	network := draft.Map(name)
	draft.Put(network, name, "name")
	for _, key := range []string{"psk", "sae_password"} {
		if pass, ok := quoted(b[key]); ok && method != "NONE" {
			draft.Put(network, pass, "passphrase")
		} else if b[key] != nil && method != "NONE" {
			draft.Put(network, draft.Text(b[key], b[key].Value), "passphrase") // the key itself
		}
	}
	if b.get("scan_ssid") == "1" {
		draft.Put(network, draft.Bool(b["scan_ssid"], true), "hidden")
	}
	nic.AddWiFi(f.Draft, network)
}

// quoted returns a text in quotes without them, and one in hexadecimal decoded.
func quoted(n *yaml.Node) (*yaml.Node, bool) {
	if n == nil {
		return nil, false
	}
	text := strings.TrimPrefix(n.Value, "P")
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		return draft.Text(n, text[1:len(text)-1]), true
	}
	if raw, err := hex.DecodeString(n.Value); err == nil && len(raw) > 0 && len(raw) < 32 {
		return draft.Text(n, string(raw)), true
	}
	return nil, false
}
