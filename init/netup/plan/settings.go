package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
)

// Managed says whether proa configures an interface: those with a device, Wi-Fi adapters only if there are networks to
// join.
func Managed(n config.Network, l Link) bool {
	return l.Kind == Wired || l.Kind == Radio && len(n.WiFi) > 0
}

// Settings returns the configuration of an interface; DHCP is on unless there are addresses or the user disables it.
func Settings(n config.Network, l Link) config.Interface {
	var s config.Interface
	if keys := listedAs(n, l.Attrs()); len(keys) > 0 {
		s = n.Interfaces[keys[0]]
	}
	if s.DHCP == nil {
		on := len(s.Addresses) == 0
		s.DHCP = &on
	}
	return s
}

// listedAs returns the keys of the configuration that match a link, in order of precedence: a hardware address belongs
// to this device only, a name may belong to another one after the next boot.
func listedAs(n config.Network, a *netlink.LinkAttrs) (keys []string) {
	for name := range n.Interfaces {
		if named(a, name) {
			keys = append(keys, name)
		}
	}
	slices.SortFunc(keys, func(x, y string) int {
		if (x == a.Name) != (y == a.Name) {
			return map[bool]int{true: 1, false: -1}[x == a.Name]
		}
		return strings.Compare(x, y)
	})
	return keys
}

func named(a *netlink.LinkAttrs, name string) bool {
	return a.Name == name || strings.EqualFold(a.HardwareAddr.String(), name)
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
		if keys := listedAs(n, l.Attrs()); len(keys) > 1 {
			out = append(out, Double{keys})
		}
	}
	return out
}

// Absent returns an AbsentError if interfaces in the configuration do not exist; they may be plugged in later.
func Absent(n config.Network, links []Link) error {
	var missing, have []string
	for _, l := range links {
		if l.Kind != Virtual {
			have = append(have, l.Name())
		}
	}
	for name := range n.Interfaces {
		there := slices.ContainsFunc(links, func(l Link) bool { return l.Kind != Virtual && named(l.Attrs(), name) })
		if !there && !mayCome(n, name) {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return &AbsentError{missing, have}
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
