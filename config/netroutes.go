package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// ForwardsNothing says whether the route has no next hop and no interface.
func (r Route) ForwardsNothing() bool {
	return slices.Contains([]string{"blackhole", "unreachable", "prohibit", "throw"}, r.Type)
}

func routesOf(name string, i *Interface) (out []conflict) {
	i.Routes = slices.Clone(i.Routes)
	i.Routes = slices.DeleteFunc(i.Routes, func(r Route) bool {
		why := r.impossible()
		if why != "" {
			out = append(out, i.conflict(name, "routes", "%s; the route is left out", why))
		}
		return why != ""
	})
	for at, r := range i.Routes {
		if r.ForwardsNothing() && r.Via != "" {
			i.Routes[at].Via, i.Routes[at].OnLink = "", false
			out = append(out, i.conflict(name, "routes", "a route of type %s has no via; via is left out", r.Type))
		}
	}
	return out
}

// impossible says why a route's values do not fit together.
func (r Route) impossible() string {
	to, via, source := familyOf(r.To), familyOf(r.Via), familyOf(r.Source)
	switch {
	case to == 6 && via == 4:
		return "an IPv6 route has an IPv4 next hop"
	case source != 0 && source != r.Family():
		return "to and source are of different address families"
	case r.OnLink && via == 0:
		return "on_link is without via"
	}
	return ""
}

// Family is 4 or 6. A default route has that of its next hop, else of its source.
func (r Route) Family() int {
	for _, s := range []string{r.To, r.Via, r.Source} {
		if f := familyOf(s); f != 0 {
			return f
		}
	}
	return 4
}

// familyOf returns 4 or 6 for an address or a network, else 0.
func familyOf(s string) int {
	a, err := netip.ParseAddr(s)
	if err != nil {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return 0
		}
		a = p.Addr()
	}
	if a.Unmap().Is4() {
		return 4
	}
	return 6
}

// gateways notes default routes of several interfaces that have the same metric: the kernel keeps only one of them.
func (n *Network) gateways() (out []conflict) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(n.Interfaces)) {
		i := n.Interfaces[name]
		if i.Gateway == "" {
			continue
		}
		id := fmt.Sprint(familyOf(i.Gateway), i.Metric)
		if first, twice := seen[id]; twice {
			c := i.conflict(name, "gateway",
				"%s has a gateway of the same metric, and one of the two is used; give one of them a metric", first)
			c.note = true
			out = append(out, c)
			continue
		}
		seen[id] = name
	}
	return out
}

func (n *Network) rules() (out []conflict) {
	n.Rules = slices.DeleteFunc(slices.Clone(n.Rules), func(r Rule) bool {
		from, to := familyOf(r.From), familyOf(r.To)
		if from == 0 || to == 0 || from == to {
			return false
		}
		const text = "network.rules: from and to are of different address families; the rule is left out"
		out = append(out, conflict{path: []string{"network", "rules"}, text: text})
		return true
	})
	return out
}
