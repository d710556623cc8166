package plan

import (
	"maps"
	"slices"
	"strings"
)

// sysctls sets an interface's own sysctls, because those of "all" and "default" do not apply to an existing interface.
// With the kernel's defaults, removing the first address of a network would remove the others too, and router
// advertisements would be ignored once the machine forwards packets, as a node does. The user's settings come last, so
// that they take precedence.
func sysctls(users map[string]string, name string) []Op {
	ops := []Op{
		SetSysctl{"net/ipv4/conf/" + name + "/promote_secondaries", "1"},
		SetSysctl{"net/ipv6/conf/" + name + "/accept_ra", "2"},
	}
	for _, key := range []string{"default", "all", name} {
		for _, family := range []string{"ipv4", "ipv6"} {
			ops = append(ops, usersOwn(users, "net/"+family+"/conf/", key, name)...)
		}
	}
	return ops
}

// usersOwn returns the user's sysctls for one name below a directory, for the interface. Of the names for all
// interfaces only accept_ra is used, because proa would override it.
func usersOwn(users map[string]string, dir, from, name string) (ops []Op) {
	for _, key := range slices.Sorted(maps.Keys(users)) {
		path := key
		if !strings.Contains(path, "/") {
			path = strings.ReplaceAll(path, ".", "/")
		}
		if leaf, is := strings.CutPrefix(path, dir+from+"/"); is && (from == name || leaf == "accept_ra") {
			ops = append(ops, SetSysctl{dir + name + "/" + leaf, users[key]})
		}
	}
	return ops
}
