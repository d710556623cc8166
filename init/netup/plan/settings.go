package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
)

// Managed says whether proa configures an interface: those with a device, Wi-Fi adapters only if there are networks to
// join, and those that it makes.
func Managed(n config.Network, l Link) bool {
	return l.Kind == Wired || l.Kind == Radio && len(n.WiFi) > 0 || l.Kind == Made && n.Interfaces[l.Name()].Made()
}

// Settings returns the configuration of an interface, with DHCP and AcceptRA set: DHCP is on unless there are addresses
// or the user disables it. A member of a bond or bridge has no addresses.
func Settings(n config.Network, l Link) config.Interface {
	var s config.Interface
	if keys := listedAs(n, l); len(keys) > 0 {
		s = n.Interfaces[keys[0]]
	}
	on := true
	if s.AcceptRA == nil {
		s.AcceptRA = &on
	}
	if s.DHCP == nil {
		wanted := len(s.Addresses) == 0 && !s.Dummy
		s.DHCP = &wanted
	}
	if _, member := Master(n, l); member {
		off := false
		s.DHCP, s.AcceptRA, s.DHCP6, s.Addresses, s.Gateway, s.Routes = &off, &off, false, nil, "", nil
	}
	return s
}

// listedAs returns the keys of the configuration that are for a link, in order of precedence: a hardware address belongs
// to this device only, a name may belong to another one after the next boot, and a match is for many.
func listedAs(n config.Network, l Link) (keys []string) {
	for key, s := range n.Interfaces {
		if isFor(key, s, l) {
			keys = append(keys, key)
		}
	}
	rank := func(key string) int {
		switch {
		case !n.Interfaces[key].Match.Empty():
			return 2
		case key == l.Name():
			return 1
		}
		return 0
	}
	slices.SortFunc(keys, func(x, y string) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), strings.Compare(x, y))
	})
	return keys
}

// isFor says whether a key's settings are for a link. A bond and a VLAN have the hardware addresses of what they are
// made of, so those that are made go by their name alone.
func isFor(key string, s config.Interface, l Link) bool {
	switch {
	case s.Made() || l.Kind == Made:
		return s.Made() && l.Kind == Made && key == l.Name()
	case !s.Match.Empty():
		return l.Kind != Virtual && fits(s.Match, l)
	}
	return key == l.Name() || strings.EqualFold(hardware(l), key)
}

// hardware returns the address that the device has by itself: a bond gives all its members the same one.
func hardware(l Link) string {
	if own := l.Attrs().PermHWAddr; len(own) == 6 {
		return own.String()
	}
	return l.Attrs().HardwareAddr.String()
}

// fits says whether of each property that is matched one of the patterns fits.
func fits(m config.Match, l Link) bool {
	return anyFits(m.Name, l.Name()) && anyFits(m.Driver, l.Driver) && anyFits(m.MAC, hardware(l))
}

func anyFits(patterns []string, value string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, value)
		return ok && err == nil
	})
}

// refers says whether a word of the configuration, a key or a kernel name, means a link.
func refers(n config.Network, word string, l Link) bool {
	if _, isKey := n.Interfaces[word]; isKey {
		keys := listedAs(n, l)
		return len(keys) > 0 && keys[0] == word
	}
	return l.Kind != Virtual && (word == l.Name() || strings.EqualFold(hardware(l), word))
}

// Master returns the name of the bond or bridge that a link is a member of.
func Master(n config.Network, l Link) (name string, member bool) {
	for _, name := range slices.Sorted(maps.Keys(n.Interfaces)) {
		if name != l.Name() && slices.ContainsFunc(n.Interfaces[name].Members(), func(m string) bool { return refers(n, m, l) }) {
			return name, true
		}
	}
	return "", false
}

// Above returns the interfaces that are made of a link, directly or by way of others, sorted.
func Above(n config.Network, l Link) []string {
	found := map[string]bool{}
	for more := true; more; {
		more = false
		for name, s := range n.Interfaces {
			of := func(part string) bool { return refers(n, part, l) || found[part] }
			if !found[name] && name != l.Name() && slices.ContainsFunc(s.Parts(), of) {
				found[name], more = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Double is an interface that the configuration lists more than once: by these keys, of which the first counts.
type Double struct{ Keys []string }

func (d Double) String() string {
	return fmt.Sprintf("network.interfaces: %s are one interface; what stands under %s counts, the other is left out",
		strings.Join(d.Keys, " and "), d.Keys[0])
}

// Doubles returns interfaces that the configuration lists more than once.
func Doubles(n config.Network, links []Link) (out []Double) {
	for _, l := range links {
		if keys := listedAs(n, l); len(keys) > 1 {
			out = append(out, Double{keys})
		}
	}
	return out
}

// Absent returns an AbsentError if interfaces in the configuration do not exist; they may be plugged in later.
func Absent(n config.Network, links []Link) error {
	var missing, have []string
	for _, l := range links {
		if l.Kind == Wired || l.Kind == Radio {
			have = append(have, l.Name())
		}
	}
	for _, word := range named(n) {
		there := slices.ContainsFunc(links, func(l Link) bool { return l.Kind != Virtual && meant(n, word, l) })
		if !there && !mayCome(n, word) {
			missing = append(missing, word)
		}
	}
	if missing == nil {
		return nil
	}
	return &AbsentError{missing, have}
}

// named returns the keys and the names of members in the configuration that have to exist, sorted.
func named(n config.Network) []string {
	words := map[string]bool{}
	for key, s := range n.Interfaces {
		if !s.Made() && !s.Optional {
			words[key] = true
		}
		for _, part := range s.Parts() {
			if _, isKey := n.Interfaces[part]; !isKey && !s.Optional {
				words[part] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(words))
}

// meant says whether a link is one that a word of the configuration is about, perhaps beside others that take precedence.
func meant(n config.Network, word string, l Link) bool {
	if s, isKey := n.Interfaces[word]; isKey {
		return isFor(word, s, l)
	}
	return refers(n, word, l)
}

// mayCome says whether the name may belong to a Wi-Fi adapter: its driver loads firmware first, so it appears only
// after the boot; a hardware address may be an adapter's too.
func mayCome(n config.Network, name string) bool {
	return len(n.WiFi) > 0 && (strings.HasPrefix(name, "wl") || strings.Contains(name, ":"))
}

// AbsentError lists interfaces in the configuration that do not exist.
type AbsentError struct{ Missing, Have []string }

func (e *AbsentError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no interface %s; there is none yet", strings.Join(e.Missing, ", "))
	}
	return fmt.Sprintf("no interface %s; there are: %s", strings.Join(e.Missing, ", "), strings.Join(e.Have, ", "))
}
