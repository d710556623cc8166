package imager

import (
	"encoding/hex"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// network is one block of wpa_supplicant.conf(5).
type network struct {
	at               *yaml.Node
	name, passphrase string
	hidden, off      bool
	refused          string // why it cannot be joined
}

func wpaSupplicant(d *draft.Draft, lines []string) { (&setup{d: d}).wpa(lines, 0) }

// wpa reads lines of which the first one is a file's line first.
func (s *setup) wpa(lines []string, first int) {
	var in *network
	for i, l := range lines {
		l = strings.TrimSpace(l)
		key, value, _ := strings.Cut(l, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		here := at(first+i, 0)
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case in == nil && key == "network" && strings.HasPrefix(value, "{"):
			in = &network{at: here}
		case in == nil && key == "country":
			s.country(here, unquoted(value))
		case in == nil: // how the daemon is run
		case l == "}":
			s.join(in)
			in = nil
		default:
			in.set(key, value)
		}
	}
	if in != nil {
		s.d.Refuse(in.at, "network: the closing } is missing")
		s.join(in)
	}
}

func (n *network) set(key, value string) {
	switch key {
	case "ssid":
		n.name = unquoted(value)
		if raw, err := hex.DecodeString(value); err == nil && value != "" {
			n.name = string(raw)
		}
	case "psk", "sae_password":
		n.passphrase = unquoted(value)
	case "scan_ssid":
		n.hidden = value == "1"
	case "disabled":
		n.off = value == "1"
	case "key_mgmt":
		if strings.Contains(value, "EAP") || strings.Contains(value, "IEEE8021X") {
			n.refused = "key_mgmt: networks with a login of each user (802.1X) cannot be joined"
		}
	case "wep_key0", "wep_key1", "wep_key2", "wep_key3":
		n.refused = key + ": WEP is broken, and is not joined; use WPA2 or WPA3"
	}
}

func (s *setup) join(n *network) {
	switch {
	case n.off:
		s.d.Note(n.at, "network: disabled=1 leaves it out")
	case n.refused != "":
		s.d.Refuse(n.at, "%s", n.refused)
	default:
		s.wifi(n.at, n.name, n.passphrase, n.hidden)
	}
}

// unquoted takes away quotes.
func unquoted(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok {
		if end := strings.LastIndex(inner, `"`); end >= 0 {
			return inner[:end]
		}
	}
	return value
}
