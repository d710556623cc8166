package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/proa-os/proa/config/rule"
)

// conflict is a value that another one excludes, with the path of its keys. What it is about has been taken out.
type conflict struct {
	path []string
	text string
	note bool // nothing was taken out
}

// Made says whether proa makes the interface.
func (i Interface) Made() bool { return i.VLAN != nil || i.Bond != nil || i.Bridge != nil || i.Dummy }

// Parts returns the interfaces that one is made of: keys of `interfaces`, or kernel names.
func (i Interface) Parts() (out []string) {
	if i.VLAN != nil {
		out = append(out, i.VLAN.Link)
	}
	return append(out, i.Members()...)
}

// Members returns the members of a bond or a bridge: keys of `interfaces`, or kernel names.
func (i Interface) Members() (out []string) {
	if i.Bond != nil {
		out = append(out, i.Bond.Members...)
	}
	if i.Bridge != nil {
		out = append(out, i.Bridge.Members...)
	}
	return out
}

// Empty says whether nothing is matched.
func (m Match) Empty() bool { return len(m.Name)+len(m.MAC)+len(m.Driver) == 0 }

// conflicts takes out what cannot be together, so that who applies the rest finds neither two kinds of one interface
// nor loops.
func (n *Network) conflicts() (out []conflict) {
	masters := map[string]string{} // by member; oneMaster fills it in
	checks := []func(string, *Interface) []conflict{
		oneKind, ofOthers, renamed, ofBond, ofBridge, n.noLoop, oneMaster(masters), noAddresses(masters), routesOf,
	}
	for _, check := range checks {
		for _, name := range slices.Sorted(maps.Keys(n.Interfaces)) {
			i := n.Interfaces[name]
			found := check(name, &i)
			n.Interfaces[name] = i
			out = append(out, found...)
		}
	}
	return append(append(out, n.gateways()...), n.rules()...)
}

func (i *Interface) conflict(name, key, format string, args ...any) conflict {
	path := []string{"network", "interfaces", name}
	if key != "" {
		path = append(path, key)
	}
	return conflict{path: path, text: "network.interfaces: " + fmt.Sprintf(format, args...)}
}

// oneKind keeps the first of several kinds, and of an interface that is made no match.
func oneKind(name string, i *Interface) (out []conflict) {
	if i.VLAN != nil && (i.VLAN.ID == 0 || i.VLAN.Link == "") {
		i.VLAN = nil // the decoder has reported what is missing
	}
	kinds := []struct {
		key  string
		has  bool
		drop func()
	}{
		{"vlan", i.VLAN != nil, func() { i.VLAN = nil }}, {"bond", i.Bond != nil, func() { i.Bond = nil }},
		{"bridge", i.Bridge != nil, func() { i.Bridge = nil }}, {"dummy", i.Dummy, func() { i.Dummy = false }},
		{"match", !i.Match.Empty(), func() { i.Match = Match{} }},
	}
	first := ""
	for _, k := range kinds {
		switch {
		case !k.has:
		case first == "":
			first = k.key
		default:
			k.drop()
			const text = "%s and %s exclude each other in one interface; %s is left out"
			out = append(out, i.conflict(name, k.key, text, first, k.key, k.key))
		}
	}
	return out
}

// ofOthers refuses to make an interface under a name that others use, or under a hardware address.
func ofOthers(name string, i *Interface) []conflict {
	if !i.Made() || rule.Nameable(name) {
		return nil
	}
	i.VLAN, i.Bond, i.Bridge, i.Dummy = nil, nil, nil, false
	return []conflict{i.conflict(name, "",
		"nothing is made with this name: use letters, digits, -, _ and ., and no name of the kernel's or the cluster's")}
}

// renamed leaves a new name out where it is not certain whose it is, or where it belongs to others.
func renamed(name string, i *Interface) (out []conflict) {
	switch {
	case !i.Rename:
		return nil
	case len(i.Match.MAC) != 1:
		out = append(out, i.conflict(name, "rename", "rename needs match with one mac; rename is left out"))
	case !rule.Nameable(name):
		out = append(out, i.conflict(name, "rename",
			"no interface gets this name: use letters, digits, -, _ and ., and no name of the kernel's or the cluster's"))
	}
	if i.Rename = out == nil; i.Rename && len(i.Match.Name) > 0 {
		i.Match.Name = nil
		out = append(out, i.conflict(name, "match", "with rename the interface is found by mac alone; name is left out"))
	}
	return out
}

func ofBond(name string, i *Interface) (out []conflict) {
	b := i.Bond
	if b == nil {
		return nil
	}
	copied := *b
	b, i.Bond = &copied, &copied
	single := slices.Contains([]string{"active-backup", "balance-tlb", "balance-alb"}, b.Mode)
	switch {
	case b.Primary != "" && !slices.Contains(b.Members, b.Primary):
		b.Primary = ""
		out = append(out, i.conflict(name, "bond", "primary is none of the members; it is left out"))
	case b.Primary != "" && !single:
		b.Primary = ""
		out = append(out, i.conflict(name, "bond", "primary needs the mode active-backup, balance-tlb or balance-alb; it is left out"))
	}
	if b.LACPRate != "" && b.Mode != "802.3ad" {
		b.LACPRate = ""
		out = append(out, i.conflict(name, "bond", "lacp_rate needs the mode 802.3ad; it is left out"))
	}
	return out
}

func ofBridge(name string, i *Interface) (out []conflict) {
	if i.Bridge == nil {
		return nil
	}
	b := *i.Bridge
	i.Bridge = &b
	for key, of := range map[string]*map[string]int{"path_cost": &b.PathCost, "port_priority": &b.PortPriority} {
		*of = maps.Clone(*of)
		for member := range *of {
			if !slices.Contains(b.Members, member) {
				delete(*of, member)
				out = append(out, i.conflict(name, "bridge", "%s is of none of the members; it is left out", key))
			}
		}
	}
	return out
}

// without takes a part out of an interface: a member, or the VLAN itself.
func (i *Interface) without(part string) {
	is := func(s string) bool { return s == part }
	switch {
	case i.VLAN != nil:
		i.VLAN = nil
	case i.Bond != nil:
		b := *i.Bond
		b.Members = slices.DeleteFunc(slices.Clone(b.Members), is)
		i.Bond = &b
	case i.Bridge != nil:
		b := *i.Bridge
		b.Members = slices.DeleteFunc(slices.Clone(b.Members), is)
		i.Bridge = &b
	}
}
