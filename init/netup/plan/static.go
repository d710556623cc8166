package plan

import (
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// Interface returns the operations for what the configuration says about an interface.
func Interface(c *config.Config, l Link) (ops []Op) {
	s := Settings(c.Network, l)
	_, member := Master(c.Network, l)
	if mac, err := net.ParseMAC(s.MAC); err == nil && !member { // of a member Weave sets it, before it joins
		ops = append(ops, SetMAC(mac))
	}
	if s.MTU != 0 {
		ops = append(ops, SetMTU(s.MTU))
	}
	ops = append(append(ops, sysctls(c.Sysctls, l, s, member)...), SetUp{})
	for _, text := range s.Addresses {
		if a, err := netlink.ParseAddr(text); err == nil { // config has checked it
			ops = append(ops, PutAddress(*a))
		}
	}
	for _, r := range staticRoutes(l, s) {
		ops = append(ops, PutRoute(r))
	}
	return append(ops, yield(c.Network, l)...)
}

// staticRoutes begins with routes without a next hop, because others may need them to reach theirs.
func staticRoutes(l Link, s config.Interface) (routes []netlink.Route) {
	usual := staticMetric
	if s.Metric != 0 {
		usual = s.Metric
	} else {
		usual = metric(l, usual)
	}
	if gw := net.ParseIP(s.Gateway); gw != nil {
		routes = append(routes, defaultRoute(gw, usual))
	}
	for _, direct := range []bool{true, false} {
		for _, r := range s.Routes {
			if (r.Via == "") == direct {
				routes = append(routes, static(r, usual))
			}
		}
	}
	slices.SortStableFunc(routes, func(a, b netlink.Route) int { return hops(a) - hops(b) })
	return routes
}

// hops is 0 for a route without a next hop, else 1.
func hops(r netlink.Route) int {
	if r.Gw == nil && r.Via == nil {
		return 0
	}
	return 1
}

// static returns a route of the configuration. usual is the metric of default routes without one.
func static(r config.Route, usual int) netlink.Route {
	out := netlink.Route{Dst: prefix(r.To), Src: net.ParseIP(r.Source), Table: r.Table, MTU: r.MTU, Priority: r.Metric,
		Type: routeTypes[r.Type], Scope: scope(r), Protocol: unix.RTPROT_STATIC}
	if out.Dst == nil { // "default"; config has checked the others
		out.Dst = everywhere(r.Family())
		if r.Metric == 0 && r.Table == 0 {
			out.Priority = usual
		}
	}
	switch via := net.ParseIP(r.Via); {
	case via == nil:
	case r.Family() == 4 && via.To4() == nil: // RFC 5549
		out.Via = &netlink.Via{AddrFamily: unix.AF_INET6, Addr: via}
	default:
		out.Gw = via
	}
	if r.OnLink {
		out.Flags = int(netlink.FLAG_ONLINK)
	}
	if r.Type == "local" && r.Table == 0 {
		out.Table = unix.RT_TABLE_LOCAL
	}
	return out
}

// scope is what ip-route(8) chooses if none is given. IPv6 has no scopes.
func scope(r config.Route) netlink.Scope {
	switch {
	case r.Scope != "":
		return routeScopes[r.Scope]
	case r.Family() == 6 || r.ForwardsNothing():
	case r.Type == "local":
		return netlink.SCOPE_HOST
	case r.Via == "":
		return netlink.SCOPE_LINK
	}
	return netlink.SCOPE_UNIVERSE
}

func everywhere(family int) *net.IPNet {
	if family == 6 {
		return &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	return &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
}

// yield makes routes of an unplugged cable yield to those of a Wi-Fi adapter (ignore_routes_with_linkdown). Without an
// adapter they stay, because connections of the machine to itself, such as to a Service, need a route too.
func yield(n config.Network, l Link) []Op {
	if len(n.WiFi) == 0 || l.Kind == Radio {
		return nil
	}
	return []Op{SetSysctl{"net/ipv4/conf/" + l.Name() + "/ignore_routes_with_linkdown", "1"}}
}
