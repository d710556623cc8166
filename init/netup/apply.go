package netup

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/dhcp"
)

// adopt configures a lease on the interface. The old one is removed only after the new one is in place, and what is
// equal is not touched, so that connections of pods continue. before is nil if there was none.
func (m *Manager) adopt(l netlink.Link, lease dhcp.Lease, before *dhcp.Lease) {
	errs := []error{wrap("mtu", m.setMTU(l, lease.MTU)), wrap("address", netlink.AddrReplace(l, leased(lease)))}
	routes := routesOf(l, lease)
	for _, r := range routes {
		errs = append(errs, wrap("route "+r.String(), netlink.RouteReplace(&r)))
	}
	if before != nil {
		retire(l, *before, lease, routes)
	}
	m.mu.Lock()
	m.leases[l.Attrs().Name] = lease
	m.mu.Unlock()
	errs = append(errs, m.writeResolv())
	if err := errors.Join(errs...); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
}

// setMTU sets what a lease says, unless the configuration says otherwise, and undoes it for a lease that says nothing.
func (m *Manager) setMTU(l netlink.Link, mtu int) error {
	name := l.Attrs().Name
	now, err := netlink.LinkByName(name)
	if err != nil || m.settings(l).MTU != 0 {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before, changed := m.plainMTU[name]
	switch {
	case mtu == 0 && !changed:
		return nil
	case mtu == 0:
		mtu = before
	case !changed:
		m.plainMTU[name] = now.Attrs().MTU
	}
	if mtu == now.Attrs().MTU {
		return nil
	}
	return netlink.LinkSetMTU(l, mtu)
}

// leased returns the address with its lifetime: the kernel removes it when the lease expires, whatever happens to this
// process.
func leased(lease dhcp.Lease) *netlink.Addr {
	a := &netlink.Addr{IPNet: lease.Address}
	if lease.Expire < math.MaxInt32*time.Second {
		a.ValidLft = int(lease.Expire.Seconds())
		a.PreferedLft = a.ValidLft
	}
	return a
}

// retire removes what only the previous lease had. The kernel removes routes whose source is a removed address.
func retire(l netlink.Link, before, now dhcp.Lease, routes []netlink.Route) {
	if before.Address.String() != now.Address.String() {
		_ = netlink.AddrDel(l, &netlink.Addr{IPNet: before.Address}) // it may have expired
		return
	}
	keep := map[string]bool{}
	for _, r := range routes {
		keep[r.Dst.String()] = true
	}
	for _, r := range routesOf(l, before) {
		if !keep[r.Dst.String()] {
			_ = netlink.RouteDel(&r) // it may have been removed with its address
		}
	}
}

// routesOf returns the routes of a lease, beginning with those that other routes need for their gateways.
func routesOf(l netlink.Link, lease dhcp.Lease) (out []netlink.Route) {
	index, metric := l.Attrs().Index, metricOf(l, leaseMetric(l.Attrs().Index))
	for _, direct := range []bool{true, false} {
		for _, r := range lease.Routes {
			if (r.Gw == nil) == direct {
				out = append(out, r)
			}
		}
	}
	if lease.Gateway != nil {
		out = append(out, defaultRoute(index, lease.Gateway, metric))
	}
	for i := range out {
		out[i].LinkIndex, out[i].Priority, out[i].Protocol, out[i].Src = index, metric, unix.RTPROT_DHCP, lease.Address.IP
	}
	return out
}

// drop removes the address and the name servers; the kernel removes the lease's routes.
func (m *Manager) drop(l netlink.Link, lease dhcp.Lease) {
	_ = netlink.AddrDel(l, &netlink.Addr{IPNet: lease.Address}) // it may have expired
	m.mu.Lock()
	delete(m.leases, l.Attrs().Name)
	m.mu.Unlock()
	if err := m.writeResolv(); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, fmt.Errorf("resolv.conf: %w", err))
	}
}
