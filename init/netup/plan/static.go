package plan

import (
	"net"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
)

// Interface returns the operations for what the configuration says about an interface.
func Interface(c *config.Config, l Link) (ops []Op) {
	s := Settings(c.Network, l)
	if s.MTU != 0 {
		ops = append(ops, SetMTU(s.MTU))
	}
	ops = append(append(ops, sysctls(c.Sysctls, l.Name())...), SetUp{})
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

func staticRoutes(l Link, s config.Interface) (routes []netlink.Route) {
	if gw := net.ParseIP(s.Gateway); gw != nil {
		routes = append(routes, defaultRoute(gw, metric(l, staticMetric)))
	}
	for _, r := range s.Routes {
		_, to, err := net.ParseCIDR(r.To)
		if via := net.ParseIP(r.Via); err == nil && via != nil { // config has checked both
			routes = append(routes, netlink.Route{Dst: to, Gw: via, Priority: r.Metric})
		}
	}
	return routes
}

// yield makes routes of an unplugged cable yield to those of a Wi-Fi adapter (ignore_routes_with_linkdown). Without an
// adapter they stay, because connections of the machine to itself, such as to a Service, need a route too.
func yield(n config.Network, l Link) []Op {
	if len(n.WiFi) == 0 || l.Kind == Radio {
		return nil
	}
	return []Op{SetSysctl{"net/ipv4/conf/" + l.Name() + "/ignore_routes_with_linkdown", "1"}}
}
