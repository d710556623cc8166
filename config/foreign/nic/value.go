package nic

import (
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/rule"
)

// length returns the length of the prefix that a netmask is, and a mask with holes as it is.
func length(mask netip.Addr) string {
	ones := 0
	for _, b := range mask.AsSlice() {
		ones += bits.LeadingZeros8(^b)
		if b != 0xff {
			break
		}
	}
	if netip.PrefixFrom(mask, ones).Masked().Addr() != mask {
		return mask.String()
	}
	return strconv.Itoa(ones)
}

// units of time spans as systemd.time(7) writes them, as far as netplan's documents use them.
var units = map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
	"sec": time.Second, "min": time.Minute, "m": time.Minute, "h": time.Hour}

// Span returns a time span in units of `of`, rounded up; a number without a unit is one of `bare`. What is no time span
// is returned as it is, which the schema refuses.
func Span(value *yaml.Node, bare, of time.Duration) *yaml.Node {
	text, _ := draft.String(value)
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	unit, ok := units[strings.TrimSpace(text[len(digits):])]
	if digits == text {
		unit, ok = bare, true
	}
	f, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(f >= 0 && f < 1e9) {
		return value
	}
	d := time.Duration(f * float64(unit))
	return draft.Int(value, int((d+of-1)/of))
}

// Unknown says that a key is not known: a refusal if it resembles one that is, else a note, because a later release of
// the other system may have it.
func Unknown(d *draft.Draft, key *yaml.Node, known []string) {
	under := func(s string) string { return strings.ReplaceAll(s, "-", "_") }
	candidates := make([]string, len(known))
	for i, k := range known {
		candidates[i] = under(k)
	}
	near := rule.Nearest(key.Value, candidates)
	if near == "" {
		d.Note(key, "a key that nothing here reads")
		return
	}
	d.Refuse(key, "unknown key %q; did you mean %q?", key.Value, known[slices.Index(candidates, near)])
}

// Label returns a key for an interface that is found by its properties: the name itself if it can be one, else what of
// it can be.
func Label(name string, taken func(string) bool) string {
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /:\t\r\n", r) || r > '~' || r < ' ' {
			return '-'
		}
		return r
	}, name)
	text = text[:min(len(text), 15)]
	for i := 2; text == "" || text == "." || text == ".." || taken(text); i++ {
		end := "-" + strconv.Itoa(i)
		text = text[:min(len(text), 15-len(end))] + end
	}
	return text
}

// AddWiFi adds a wireless network, unless one of the name is there.
func AddWiFi(d *draft.Draft, network *yaml.Node) {
	name := draft.Map(network)
	for i := 0; i+1 < len(network.Content); i += 2 {
		if network.Content[i].Value == "name" {
			name = network.Content[i+1]
		}
	}
	if Full(d, network, len(entries(d.Get("network", "wifi")))) {
		return
	}
	for _, have := range entries(d.Get("network", "wifi")) {
		if len(have.Content) > 1 && have.Content[1].Value == name.Value {
			return
		}
	}
	d.Append(network, "network", "wifi")
}
