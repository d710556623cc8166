package netup

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// Route metrics: routes in the configuration are preferred to those from DHCP.
const (
	staticMetric = 100
	dhcpMetric   = 1024
)

// leaseMetric differs by interface: of two routes to the same destination with the same metric the kernel keeps only
// the later one, and the machine would have none when that interface is gone.
func leaseMetric(index int) int { return dhcpMetric + min(index, 1<<16) }

// configure applies the static configuration of one link. It continues after an error: a wrong route must not cost the
// address.
func (m *Manager) configure(l netlink.Link, s config.Interface) error {
	var errs []error
	if s.MTU != 0 {
		errs = append(errs, wrap("mtu", netlink.LinkSetMTU(l, s.MTU)))
	}
	errs = append(errs, wrap("settings", m.linkSysctls(l.Attrs().Name)), wrap("up", netlink.LinkSetUp(l)))
	for _, a := range s.Addresses {
		addr, err := netlink.ParseAddr(a)
		if err == nil {
			err = netlink.AddrReplace(l, addr)
		}
		errs = append(errs, wrap("address "+a, err))
	}
	for _, r := range staticRoutes(l, s) {
		errs = append(errs, wrap("route "+r.String(), netlink.RouteReplace(&r)))
	}
	return errors.Join(errs...)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func staticRoutes(l netlink.Link, s config.Interface) (routes []netlink.Route) {
	index := l.Attrs().Index
	if gw := net.ParseIP(s.Gateway); gw != nil {
		routes = append(routes, defaultRoute(index, gw, metricOf(l, staticMetric)))
	}
	for _, r := range s.Routes {
		_, to, err := net.ParseCIDR(r.To)
		if via := net.ParseIP(r.Via); err == nil && via != nil { // config has checked both
			routes = append(routes, netlink.Route{LinkIndex: index, Dst: to, Gw: via, Priority: r.Metric})
		}
	}
	return routes
}

// defaultRoute is marked on-link, because some hosting providers have a gateway outside of the address's network.
func defaultRoute(index int, gw net.IP, metric int) netlink.Route {
	_, dst, _ := net.ParseCIDR("0.0.0.0/0")
	if gw.To4() == nil {
		_, dst, _ = net.ParseCIDR("::/0")
	}
	return netlink.Route{LinkIndex: index, Dst: dst, Gw: gw, Priority: metric, Flags: int(netlink.FLAG_ONLINK), Protocol: unix.RTPROT_STATIC}
}
