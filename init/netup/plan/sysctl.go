package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/nodekernel"
)

// sysctls sets an interface's own sysctls, because those of "all" and "default" do not apply to an existing interface.
// With the kernel's defaults, removing the first address of a network would remove the others too, and router
// advertisements would be ignored once the machine forwards packets, as a node does. A member has no addresses, not even
// link-local ones. The user's settings come last, so that they take precedence.
func sysctls(users map[string]string, l Link, s config.Interface, member bool) []Op {
	name := l.Name()
	ops := []Op{
		SetSysctl{"net/ipv4/conf/" + name + "/promote_secondaries", "1"},
		SetSysctl{"net/ipv6/conf/" + name + "/accept_ra", acceptRA(*s.AcceptRA)},
	}
	if member {
		ops = append(ops, SetSysctl{"net/ipv6/conf/" + name + "/disable_ipv6", "1"})
	}
	if metric := routersMetric(l, s); metric != "" {
		ops = append(ops, SetSysctl{"net/ipv6/conf/" + name + "/ra_defrtr_metric", metric})
	}
	for _, key := range []string{"default", "all", name} {
		for _, family := range []string{"ipv4", "ipv6"} {
			ops = append(ops, usersOwn(users, "net/"+family+"/conf/", key, name)...)
			ops = append(ops, usersOwn(users, "net/"+family+"/neigh/", key, name)...)
		}
	}
	return ops
}

// acceptRA: with 2 the kernel accepts them although it forwards packets.
func acceptRA(on bool) string {
	if on {
		return "2"
	}
	return "0"
}

// routersMetric returns the metric of default routes from router advertisements; empty: the kernel's own, 1024.
func routersMetric(l Link, s config.Interface) string {
	switch {
	case s.Metric != 0:
		return strconv.Itoa(s.Metric)
	case l.Kind == Radio:
		return strconv.Itoa(metric(l, dhcpMetric))
	}
	return ""
}

// usersOwn returns the user's sysctls for one name below a directory, for the interface. Of the names for all
// interfaces only accept_ra is used, because proa would override it.
func usersOwn(users map[string]string, dir, from, name string) (ops []Op) {
	for _, key := range slices.Sorted(maps.Keys(users)) {
		if leaf, is := strings.CutPrefix(nodekernel.Path(key), dir+from+"/"); is && (from == name || leaf == "accept_ra") {
			ops = append(ops, SetSysctl{dir + name + "/" + leaf, users[key]})
		}
	}
	return ops
}
