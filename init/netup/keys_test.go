package netup

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// TestEveryKeyIsRead changes each key of an interface in turn: the kernel's state must change, or what the manager does
// with the interface.
func TestEveryKeyIsRead(t *testing.T) {
	if !inside(t) {
		return
	}
	yes, no := true, false
	base := func() config.Interface {
		return config.Interface{Addresses: []string{"10.9.0.2/24", "10.9.0.7/24"}, Routes: []config.Route{{To: "10.10.0.0/16", Via: "10.9.0.3", Metric: 5}}}
	}
	route := func(do func(*config.Route)) func(*config.Interface) {
		return func(s *config.Interface) { do(&s.Routes[0]) }
	}
	changes := map[string]func(*config.Interface){
		"dhcp":           func(s *config.Interface) { s.DHCP = &yes },
		"dhcp6":          func(s *config.Interface) { s.DHCP6 = true },
		"accept_ra":      func(s *config.Interface) { s.AcceptRA = &no },
		"addresses":      func(s *config.Interface) { s.Addresses = []string{"10.9.0.4/24"} },
		"gateway":        func(s *config.Interface) { s.Gateway = "10.9.0.1" },
		"metric":         func(s *config.Interface) { s.Metric = 77 },
		"dns":            func(s *config.Interface) { s.DNS = []string{"10.9.0.53"} },
		"search":         func(s *config.Interface) { s.Search = []string{"lan"} },
		"mtu":            func(s *config.Interface) { s.MTU = 1400 },
		"mac":            func(s *config.Interface) { s.MAC = "02:00:00:00:00:77" },
		"optional":       func(s *config.Interface) { s.Optional = true },
		"dummy":          func(s *config.Interface) { s.Dummy = true },
		"match":          func(s *config.Interface) { s.Match.Name = []string{"eth*"} },
		"rename":         func(s *config.Interface) { s.Match.MAC, s.Rename = []string{"02:00:00:00:00:01"}, true },
		"vlan":           func(s *config.Interface) { s.VLAN = &config.VLAN{ID: 5, Link: "k0"} },
		"bond":           func(s *config.Interface) { s.Bond = &config.Bond{Mode: "802.3ad"} },
		"bridge":         func(s *config.Interface) { s.Bridge = &config.Bridge{} },
		"routes.to":      route(func(r *config.Route) { r.To = "10.11.0.0/16" }),
		"routes.via":     route(func(r *config.Route) { r.Via = "10.9.0.4" }),
		"routes.metric":  route(func(r *config.Route) { r.Metric = 6 }),
		"routes.on_link": route(func(r *config.Route) { r.OnLink = true }),
		"routes.source":  route(func(r *config.Route) { r.Source = "10.9.0.7" }),
		"routes.table":   route(func(r *config.Route) { r.Table = 100 }),
		"routes.type":    route(func(r *config.Route) { r.Type, r.Via = "blackhole", "" }),
		"routes.scope":   route(func(r *config.Route) { r.Scope, r.Via = "host", "" }),
		"routes.mtu":     route(func(r *config.Route) { r.MTU = 1300 }),
	}
	keys := append(tags(reflect.TypeFor[config.Interface](), ""), tags(reflect.TypeFor[config.Route](), "routes.")...)
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "routes" })
	plain := shown(t, base())
	if again := shown(t, base()); again != plain {
		t.Fatalf("one config, two interfaces:\n%s\n%s", plain, again)
	}
	for _, key := range keys {
		change, s := changes[key], base()
		if change == nil {
			t.Errorf("%s: nothing here changes it", key)
			continue
		}
		if change(&s); shown(t, s) == plain {
			t.Errorf("%s: changed, and the interface is the same:\n%s", key, plain)
		}
	}
}

func tags(typ reflect.Type, prefix string) (out []string) {
	for i := range typ.NumField() {
		out = append(out, prefix+typ.Field(i).Tag.Get("yaml"))
	}
	return out
}

// shown returns the kernel's state of an interface with this configuration, and what the manager would do with it.
func shown(t *testing.T, s config.Interface) string {
	t.Helper()
	at := netlink.LinkAttrs{Name: "k0", HardwareAddr: []byte{2, 0, 0, 0, 0, 1}}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: at, PeerName: "k1"}); err != nil {
		t.Skipf("no veth pair here: %v", err)
	}
	l, err := netlink.LinkByName("k0")
	must(t, err)
	defer func() {
		for _, r := range allRoutes(t) { // a route that sends nothing does not go with the interface
			if r.Type == unix.RTN_BLACKHOLE {
				must(t, netlink.RouteDel(&r))
			}
		}
		must(t, netlink.LinkDel(l))
	}()
	link := plan.Link{Link: l, Kind: plan.Wired}
	c := with(config.Network{Interfaces: map[string]config.Interface{"k0": s, "k1": {}}})
	for _, task := range plan.Weave(c.Network, []plan.Link{link}) {
		return task.String() // it is another interface
	}
	applied(t, c, link)
	l, err = netlink.LinkByName("k0")
	must(t, err)
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
	must(t, err)
	got := plan.Settings(c.Network, link)
	ra, err := os.ReadFile("/proc/sys/net/ipv6/conf/k0/accept_ra")
	must(t, err)
	metric, err := os.ReadFile("/proc/sys/net/ipv6/conf/k0/ra_defrtr_metric")
	must(t, err)
	m := New(sys.Linux{}, c, "h", "", t.Logf)
	m.begun["k0"] = &port{plain: link}
	lines := []string{fmt.Sprint("mtu ", l.Attrs().MTU), fmt.Sprint("dhcp ", *got.DHCP, got.DHCP6), "mac " + l.Attrs().HardwareAddr.String(),
		"ra " + string(ra) + string(metric), m.Resolv(), fmt.Sprint(plan.Absent(c.Network, nil)),
		fmt.Sprint(plan.Renames(c.Network, []plan.Link{named(at, "k9")}, nil, func(plan.Link) bool { return false }))}
	for _, a := range addrs {
		lines = append(lines, "address "+a.IPNet.String())
	}
	for _, r := range allRoutes(t) {
		lines = append(lines, fmt.Sprintf("route %d %v via %v metric %d flags %x table %d src %v scope %d mtu %d", r.Type, r.Dst, r.Gw,
			r.Priority, r.Flags, r.Table, r.Src, r.Scope, r.MTU))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// named is the interface with another name, as the kernel has it before it is renamed.
func named(at netlink.LinkAttrs, name string) plan.Link {
	at.Name = name
	return plan.Link{Link: &netlink.Veth{LinkAttrs: at}, Kind: plan.Wired}
}

// allRoutes returns the routes of the main table and of table 100.
func allRoutes(t *testing.T) (out []netlink.Route) {
	t.Helper()
	for _, table := range []int{unix.RT_TABLE_MAIN, 100} {
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
		must(t, err)
		out = append(out, routes...)
	}
	return out
}

// TestEveryKeyOfMadeIsRead: each key of what is made of others, of a match and of a rule changes the plan.
func TestEveryKeyOfMadeIsRead(t *testing.T) {
	const bond, bridge = "x: {bond: {members: [eth0, eth1], mode: active-backup}}", "x: {bridge: {members: [eth0, eth1]}}"
	for key, docs := range map[string][2]string{
		"vlan.id":              {"x: {vlan: {id: 5, link: eth0}}", "x: {vlan: {id: 6, link: eth0}}"},
		"vlan.link":            {"x: {vlan: {id: 5, link: eth0}}", "x: {vlan: {id: 5, link: eth1}}"},
		"bond.members":         {bond, "x: {bond: {members: [eth0], mode: active-backup}}"},
		"bond.mode":            {bond, "x: {bond: {members: [eth0, eth1], mode: 802.3ad}}"},
		"bond.primary":         {bond, "x: {bond: {members: [eth0, eth1], primary: eth1}}"},
		"bond.mii_monitor":     {bond, "x: {bond: {members: [eth0, eth1], mii_monitor: 50}}"},
		"bond.up_delay":        {bond, "x: {bond: {members: [eth0, eth1], up_delay: 200}}"},
		"bond.down_delay":      {bond, "x: {bond: {members: [eth0, eth1], down_delay: 200}}"},
		"bond.lacp_rate":       {"x: {bond: {mode: 802.3ad}}", "x: {bond: {mode: 802.3ad, lacp_rate: fast}}"},
		"bond.hash_policy":     {bond, "x: {bond: {members: [eth0, eth1], hash_policy: layer3+4}}"},
		"bond.options":         {bond, "x: {bond: {members: [eth0, eth1], options: {min_links: 2}}}"},
		"bridge.members":       {bridge, "x: {bridge: {members: [eth0]}}"},
		"bridge.stp":           {bridge, "x: {bridge: {members: [eth0, eth1], stp: false}}"},
		"bridge.forward_delay": {bridge, "x: {bridge: {members: [eth0, eth1], forward_delay: 4}}"},
		"bridge.hello_time":    {bridge, "x: {bridge: {members: [eth0, eth1], hello_time: 3}}"},
		"bridge.max_age":       {bridge, "x: {bridge: {members: [eth0, eth1], max_age: 12}}"},
		"bridge.ageing":        {bridge, "x: {bridge: {members: [eth0, eth1], ageing: 60}}"},
		"bridge.priority":      {bridge, "x: {bridge: {members: [eth0, eth1], priority: 0}}"},
		"bridge.path_cost":     {bridge, "x: {bridge: {members: [eth0, eth1], path_cost: {eth1: 9}}}"},
		"bridge.port_priority": {bridge, "x: {bridge: {members: [eth0, eth1], port_priority: {eth1: 9}}}"},
		"match.name":           {"x: {mtu: 1400, match: {name: ['*0']}}", "x: {mtu: 1400, match: {name: ['*1']}}"},
		"match.mac":            {"x: {mtu: 1400, match: {mac: ['02:00:00:00:00:01']}}", "x: {mtu: 1400, match: {mac: ['02:00:00:00:00:02']}}"},
		"match.driver":         {"x: {mtu: 1400, match: {driver: ['vet?']}}", "x: {mtu: 1400, match: {driver: [virtio_net]}}"},
		"rules.from":           {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 5, from: 10.0.0.0/8}]"},
		"rules.to":             {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 5, to: 10.0.0.0/8}]"},
		"rules.table":          {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 6}]"},
		"rules.priority":       {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 5, priority: 7}]"},
		"rules.mark":           {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 5, mark: 7}]"},
		"rules.tos":            {"eth0: {}\n  rules: [{table: 5}]", "eth0: {}\n  rules: [{table: 5, tos: 16}]"},
	} {
		if a, b := planned(t, docs[0]), planned(t, docs[1]); a == b {
			t.Errorf("%s: changed, and the plan is the same:\n%s", key, a)
		}
	}
}

// planned returns all operations for a document on a machine with two cables, on which x is there.
func planned(t *testing.T, doc string) string {
	t.Helper()
	c, problems := config.Parse("c", []byte("network:\n  interfaces:\n    "+strings.ReplaceAll(doc, "\n  rules", "\n  rules")+"\n"))
	for _, p := range problems {
		t.Fatal(doc, p)
	}
	link := func(n int, name string, kind plan.Kind) plan.Link {
		at := netlink.LinkAttrs{Name: name, Index: n + 1, HardwareAddr: []byte{2, 0, 0, 0, 0, byte(n + 1)}}
		return plan.Link{Link: &netlink.Veth{LinkAttrs: at}, Kind: kind, Driver: "veth"}
	}
	links := []plan.Link{link(0, "eth0", plan.Wired), link(1, "eth1", plan.Wired)}
	out := fmt.Sprint(plan.Weave(c.Network, links), plan.Rules(nil, c.Network.Rules))
	for _, task := range plan.Weave(c.Network, links) {
		if create, is := task.Ops[0].(plan.Create); is {
			out += fmt.Sprintf("%+v", create[0])
		}
	}
	out += fmt.Sprint(plan.Weave(c.Network, append(links, link(2, "x", plan.Made))))
	for _, l := range links {
		out += fmt.Sprint(plan.Interface(c, l))
	}
	return out
}
