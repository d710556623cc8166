package plan

import (
	"fmt"
	"slices"

	"github.com/proa-os/proa/config"
)

// Misnamed says whether the configuration has a name for an interface that it has not got.
func Misnamed(n config.Network, l Link) bool {
	name := wanted(n, l)
	return name != "" && name != l.Name()
}

// wanted returns the name that the configuration has for an interface; "" if it has none.
func wanted(n config.Network, l Link) string {
	if l.Kind != Wired && l.Kind != Radio {
		return ""
	}
	if keys := listedAs(n, l); len(keys) > 0 && n.Interfaces[keys[0]].Rename {
		return keys[0]
	}
	return ""
}

// naming is who gets which name.
type naming struct {
	links   []Link
	names   map[int]string // by index
	settled map[int]bool   // has the name that the configuration has for it
	stays   func(Link) bool
}

// Renames returns what gives interfaces the names that the configuration has for them. own are the names, by index, that
// interfaces had before proa renamed them: they get them back where the configuration has none for them. An interface
// that stays in the way of another gets that one's name. Those of which stays is true keep their names.
func Renames(n config.Network, links []Link, own map[int]string, stays func(Link) bool) []Task {
	g := &naming{slices.Clone(links), map[int]string{}, map[int]bool{}, stays}
	for _, l := range links {
		g.names[l.Attrs().Index] = l.Name()
	}
	given := map[string]bool{}
	has := func(l Link) bool { name := wanted(n, l); return name != "" && name == l.Name() }
	slices.SortStableFunc(g.links, func(a, b Link) int { return first(has(a)) - first(has(b)) })
	for _, l := range g.links {
		if name := wanted(n, l); name != "" && !given[name] {
			given[name] = true
			g.settled[l.Attrs().Index] = g.give(l, name)
		}
	}
	for _, l := range g.links {
		if name := own[l.Attrs().Index]; name != "" && wanted(n, l) == "" {
			g.give(l, name)
		}
	}
	return g.tasks()
}

func first(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// give gives an interface a name, and who has the name that of the interface; it says whether that is possible.
func (g *naming) give(l Link, name string) bool {
	index := l.Attrs().Index
	at := slices.IndexFunc(g.links, func(o Link) bool { return g.names[o.Attrs().Index] == name })
	switch {
	case g.names[index] == name:
		return true
	case g.stays(l):
		return false
	case at < 0:
		g.names[index] = name
		return true
	}
	holder := g.links[at]
	if holder.Kind != Wired && holder.Kind != Radio || g.settled[holder.Attrs().Index] || g.stays(holder) {
		return false
	}
	g.names[holder.Attrs().Index], g.names[index] = g.names[index], name
	return true
}

// tasks moves those out of the way first whose name another one gets.
func (g *naming) tasks() []Task {
	var first, then []Task
	for _, l := range g.links {
		name := g.names[l.Attrs().Index]
		if name == l.Name() {
			continue
		}
		if slices.ContainsFunc(g.links, func(o Link) bool { return o.Name() == name }) {
			first = append(first, Task{l.Name(), l, []Op{Rename(fmt.Sprintf("rename%d", l.Attrs().Index))}})
		}
		then = append(then, Task{l.Name(), l, []Op{Rename(name)}})
	}
	return append(first, then...)
}
