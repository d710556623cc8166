package netup

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/plan"
)

// TestEveryKeyIsRead changes each key of an interface in turn: the kernel's state must change, or whether DHCP is used.
func TestEveryKeyIsRead(t *testing.T) {
	if !inside(t) {
		return
	}
	yes := true
	base := func() config.Interface {
		return config.Interface{Addresses: []string{"10.9.0.2/24"}, Routes: []config.Route{{To: "10.10.0.0/16", Via: "10.9.0.3", Metric: 5}}}
	}
	changes := map[string]func(*config.Interface){
		"dhcp":          func(s *config.Interface) { s.DHCP = &yes },
		"addresses":     func(s *config.Interface) { s.Addresses = []string{"10.9.0.4/24"} },
		"gateway":       func(s *config.Interface) { s.Gateway = "10.9.0.1" },
		"mtu":           func(s *config.Interface) { s.MTU = 1400 },
		"routes.to":     func(s *config.Interface) { s.Routes[0].To = "10.11.0.0/16" },
		"routes.via":    func(s *config.Interface) { s.Routes[0].Via = "10.9.0.4" },
		"routes.metric": func(s *config.Interface) { s.Routes[0].Metric = 6 },
	}
	var keys []string
	for i := range reflect.TypeFor[config.Interface]().NumField() {
		if key := reflect.TypeFor[config.Interface]().Field(i).Tag.Get("yaml"); key != "routes" {
			keys = append(keys, key)
		}
	}
	for i := range reflect.TypeFor[config.Route]().NumField() {
		keys = append(keys, "routes."+reflect.TypeFor[config.Route]().Field(i).Tag.Get("yaml"))
	}
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

// shown returns the kernel's state of an interface with this configuration.
func shown(t *testing.T, s config.Interface) string {
	t.Helper()
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "k0"}, PeerName: "k1"}); err != nil {
		t.Skipf("no veth pair here: %v", err)
	}
	l, err := netlink.LinkByName("k0")
	must(t, err)
	defer func() { must(t, netlink.LinkDel(l)) }()
	c := with(config.Network{Interfaces: map[string]config.Interface{"k0": s}})
	applied(t, c, plan.Link{Link: l, Kind: plan.Wired})
	l, err = netlink.LinkByName("k0")
	must(t, err)
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
	must(t, err)
	routes, err := netlink.RouteList(l, netlink.FAMILY_V4)
	must(t, err)
	lines := []string{fmt.Sprint("mtu ", l.Attrs().MTU), fmt.Sprint("dhcp ", *plan.Settings(c.Network, plan.Link{Link: l}).DHCP)}
	for _, a := range addrs {
		lines = append(lines, "address "+a.IPNet.String())
	}
	for _, r := range routes {
		lines = append(lines, fmt.Sprintf("route %v via %v metric %d", r.Dst, r.Gw, r.Priority))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
