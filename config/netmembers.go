package config

import "slices"

// noLoop takes out a part that is made of the interface itself, perhaps by way of others.
func (n *Network) noLoop(name string, i *Interface) (out []conflict) {
	for _, part := range i.Parts() {
		if n.contains(part, name, map[string]bool{}) {
			i.without(part)
			out = append(out, i.conflict(name, "", "it is made of itself: a loop of interfaces; %s is left out of it", part))
		}
	}
	return out
}

func (n *Network) contains(whole, part string, seen map[string]bool) bool {
	if whole == part || seen[whole] {
		return whole == part
	}
	seen[whole] = true
	return slices.ContainsFunc(n.Interfaces[whole].Parts(), func(p string) bool { return n.contains(p, part, seen) })
}

// oneMaster takes a member out that another bond or bridge has already, in the order of names.
func oneMaster(masters map[string]string) func(string, *Interface) []conflict {
	return func(name string, i *Interface) (out []conflict) {
		for _, member := range i.Members() {
			if first, taken := masters[member]; taken && first != name {
				i.without(member)
				out = append(out, i.conflict(name, "", "%s is a member of %s already; it is left out of %s", member, first, name))
				continue
			}
			masters[member] = name
		}
		return out
	}
}

// noAddresses takes addresses out of members: they belong to the bond or bridge.
func noAddresses(masters map[string]string) func(string, *Interface) []conflict {
	return func(name string, i *Interface) []conflict {
		master := masters[name]
		if master == "" {
			return nil
		}
		return i.noAddresses(name, master)
	}
}

func (i *Interface) noAddresses(name, master string) (out []conflict) {
	on := func(b *bool) bool { return b != nil && *b }
	for _, k := range []struct {
		key string
		has bool
	}{
		{"addresses", len(i.Addresses) > 0}, {"gateway", i.Gateway != ""}, {"routes", len(i.Routes) > 0},
		{"dhcp", on(i.DHCP)}, {"dhcp6", i.DHCP6}, {"accept_ra", on(i.AcceptRA)},
	} {
		if k.has {
			out = append(out, i.conflict(name, k.key, "a member of a bond or bridge has no addresses; give %s to %s", k.key, master))
		}
	}
	i.Addresses, i.Gateway, i.Routes, i.DHCP6 = nil, "", nil, false
	off := false
	i.DHCP, i.AcceptRA = &off, &off
	return out
}
