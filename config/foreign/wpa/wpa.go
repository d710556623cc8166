// Package wpa translates wpa_supplicant.conf(5), which Raspberry Pi's images and many documents bring. It refuses
// nothing: networks that cannot be joined are named and left out.
package wpa

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// block is one network: values by their keys.
type block map[string]*yaml.Node

func (b block) get(key string) string {
	if b[key] == nil {
		return ""
	}
	return b[key].Value
}

// Read translates the lines of a file; at returns the place of a line, counted from 0. Networks with a higher priority
// come first, as they are tried first.
func Read(d *draft.Draft, lines []string, at func(line int) *yaml.Node) {
	var networks []block
	var open block
	for i, l := range lines {
		key, value := cut(l)
		node := draft.Text(at(i), value)
		switch {
		case key == "" || strings.HasPrefix(key, "#"):
		case key == "network" && open == nil:
			open = block{"": node}
			if inside, whole := strings.CutSuffix(strings.TrimPrefix(value, "{"), "}"); whole {
				open.inline(node, inside)
				networks, open = append(networks, open), nil
			}
		case key == "}" && open != nil:
			networks, open = append(networks, open), nil
		case open != nil:
			open[key] = node
		case key == "country":
			d.Set(draft.Text(node, strings.ToUpper(strings.Trim(value, `"`))), "network", "wifi_country")
		}
	}
	if open != nil {
		d.Note(open[""], "network: the closing } is missing; the network is read as if it stood at the end")
		networks = append(networks, open)
	}
	slices.SortStableFunc(networks, func(a, b block) int { return b.priority() - a.priority() })
	for _, b := range networks {
		b.join(d)
	}
}

func cut(text string) (key, value string) {
	key, value, _ = strings.Cut(text, "=")
	return strings.TrimSpace(key), strings.TrimSpace(value)
}

// inline reads a network in one line: network={ssid="a" psk="b"}.
func (b block) inline(node *yaml.Node, inside string) {
	for inside = strings.TrimSpace(inside); inside != ""; {
		key, rest := cut(inside)
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

// unable says why a network cannot be joined; "" if it can be.
func (b block) unable() string {
	method := strings.ToUpper(b.get("key_mgmt"))
	switch {
	case b.get("disabled") == "1":
		return "network: disabled=1 leaves it out"
	case strings.Contains(method, "EAP") && !strings.Contains(method, "PSK"):
		return "network: networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase"
	case strings.Contains(method, "8021X") || b["wep_key0"] != nil:
		return "network: WEP is broken, and is not joined; use a network with WPA2 or WPA3"
	case b.get("mode") != "" && b.get("mode") != "0":
		return "network: the machine can join networks, and make none"
	case b["ssid"] == nil:
		return "network: without ssid=\"NAME\" no network can be found"
	}
	return ""
}

// join adds a network, unless it cannot be joined.
func (b block) join(d *draft.Draft) {
	if why := b.unable(); why != "" {
		d.Note(b[""], "%s", why)
		return
	}
	network := draft.Map(b["ssid"])
	draft.Put(network, name(b["ssid"]), "name")
	for _, key := range []string{"psk", "sae_password"} {
		if b.get(key) != "" && !strings.EqualFold(b.get("key_mgmt"), "NONE") {
			pass, _ := unquoted(b.get(key))
			draft.Put(network, draft.Text(b[key], pass), "passphrase")
		}
	}
	if b.get("scan_ssid") == "1" {
		draft.Put(network, draft.Bool(b["scan_ssid"], true), "hidden")
	}
	nic.AddWiFi(d, network)
}

// name is in quotes, or in hexadecimal.
func name(ssid *yaml.Node) *yaml.Node {
	text, ok := unquoted(ssid.Value)
	if raw, err := hex.DecodeString(text); err == nil && !ok && len(raw) > 0 {
		text = string(raw)
	}
	return draft.Text(ssid, text)
}

// unquoted takes quotes away, and what stands behind them.
func unquoted(value string) (string, bool) {
	inner, ok := strings.CutPrefix(strings.TrimPrefix(value, "P"), `"`)
	end := strings.LastIndex(inner, `"`)
	if !ok || end < 0 {
		return value, false
	}
	return inner[:end], true
}
