package netplan

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
)

// wifi are the keys of wireless devices.
var wifi = map[string]handler{
	"match": (*reader).match, "set-name": (*reader).setName,
	"access-points": (*reader).accessPoints, "regulatory-domain": (*reader).country,
	"auth": func(r *reader, _ *device, p draft.Pair) {
		r.Note(p.At, "auth: want it below access-points, for each network")
	},
}

func (r *reader) country(_ *device, p draft.Pair) {
	if code, ok := nic.Scalar(r.Draft, p.Value); ok && code != "00" {
		r.Set(draft.Text(p.Value, code), "network", "wifi_country")
	}
}

// accessPoints are networks by name. They are the machine's here, not the adapter's.
func (r *reader) accessPoints(_ *device, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		r.Refuse(p.Value, "access-points: want networks by name: NAME: {password: …}")
	}
	for _, ap := range r.Pairs(p.Value) {
		if ap.Value.Kind != yaml.MappingNode && !draft.IsNull(ap.Value) {
			r.Refuse(ap.Value, "access-points: want the settings of a network: NAME: {password: …}")
			continue
		}
		network := draft.Map(ap.At)
		draft.Put(network, draft.Text(ap.At, ap.Key), "name")
		if r.accessPoint(network, ap) {
			nic.AddWiFi(r.Draft, network)
		}
	}
}

// apNotes are keys of a network without effect.
var apNotes = map[string]reason{
	"band":           {"", "the adapter looks for the network in all bands it has"},
	"bssid":          {"", "any access point of the network is used, the best that is heard"},
	"channel":        {"", "the adapter looks for the network on all channels"},
	"networkmanager": {"", "NetworkManager is not here"},
}

// accessPoint fills a network in, and says whether the machine can join it.
func (r *reader) accessPoint(network *yaml.Node, ap draft.Pair) bool {
	join := true
	for _, p := range r.Pairs(ap.Value) {
		why, named := apNotes[p.Key]
		switch {
		case draft.IsNull(p.Value):
		case p.Key == "password":
			r.passphrase(network, p.Value)
		case p.Key == "hidden":
			draft.Put(network, nic.Bool(p.Value), "hidden")
		case p.Key == "auth":
			join = r.auth(network, p) && join
		case p.Key == "mode" && p.Value.Value != "infrastructure":
			r.Note(p.At, "mode: the machine can join networks, and make none; this one is left out")
			join = false
		case p.Key == "mode":
		case named:
			why.say(r, p)
		default:
			nic.Unknown(r.Draft, p.At, append(names(apNotes, nil), "password", "hidden", "auth", "mode"))
		}
	}
	return join
}

func (r *reader) passphrase(network, value *yaml.Node) {
	if text, ok := draft.String(value); ok {
		draft.Put(network, draft.Text(value, text), "passphrase")
		return
	}
	r.Refuse(value, "password: want a passphrase in quotes")
}

// auth is a passphrase for WPA2 and WPA3, or nothing for an open network. Networks with accounts are left out.
func (r *reader) auth(network *yaml.Node, auth draft.Pair) bool {
	var password *yaml.Node
	method := "psk"
	for _, p := range r.Pairs(auth.Value) {
		switch p.Key {
		case "key-management":
			method, _ = draft.String(p.Value)
		case "password":
			password = p.Value
		case "method", "identity", "anonymous-identity", "ca-certificate", "client-certificate", "client-key",
			"client-key-password", "phase2-auth": // of networks with accounts
		default:
			nic.Unknown(r.Draft, p.At, []string{"key-management", "password", "method", "identity"})
		}
	}
	switch method {
	case "psk", "psk-sha256", "sae":
		if password != nil {
			r.passphrase(network, password)
		}
		return true
	case "none":
		return true
	}
	r.Note(auth.At, "auth: networks with accounts (WPA Enterprise) cannot be joined; use one with a passphrase; this one is left out")
	return false
}
