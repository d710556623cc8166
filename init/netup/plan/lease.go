package plan

import (
	"math"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/dhcp6"
)

// Lease returns the operations for a DHCP lease that replaces another one, nil if there was none. The old one is
// removed only after the new one is in place, and what is equal is not touched, so that connections of pods continue.
// plainMTU is the MTU that the interface had before a lease changed it; 0: none has.
func Lease(n config.Network, l Link, now dhcp.Lease, before *dhcp.Lease, plainMTU int) (ops []Op) {
	if mtu := leaseMTU(l, now.MTU, plainMTU); mtu != l.Attrs().MTU && Settings(n, l).MTU == 0 {
		ops = append(ops, SetMTU(mtu))
	}
	ops = append(ops, PutAddress(leased(now)))
	for _, r := range leaseRoutes(n, l, now) {
		ops = append(ops, PutRoute(r))
	}
	if before != nil {
		ops = append(ops, retire(n, l, *before, now)...)
	}
	return ops
}

// Lost returns the operations for a lease without a successor; the kernel removes its routes.
func Lost(lease dhcp.Lease) []Op { return []Op{DropAddress{IPNet: lease.Address}} }

// Lease6 returns the operations for a DHCPv6 lease that replaces another one, nil if there was none. An address is of no
// network: which one is reached directly, routers say.
func Lease6(now dhcp6.Lease, before *dhcp6.Lease) (ops []Op) {
	for _, a := range now.Addresses {
		ops = append(ops, PutAddress(leased6(a)))
	}
	if before == nil {
		return ops
	}
	for _, a := range before.Addresses {
		kept := slices.ContainsFunc(now.Addresses, func(b dhcp6.Address) bool { return a.IP.Equal(b.IP) })
		if !kept {
			ops = append(ops, DropAddress(leased6(a)))
		}
	}
	return ops
}

// Lost6 returns the operations for a DHCPv6 lease without a successor.
func Lost6(lease dhcp6.Lease) []Op { return Lease6(dhcp6.Lease{}, &lease) }

func leased6(a dhcp6.Address) netlink.Addr {
	out := netlink.Addr{IPNet: &net.IPNet{IP: a.IP, Mask: net.CIDRMask(128, 128)}}
	if a.Valid < math.MaxInt32*time.Second {
		out.ValidLft, out.PreferedLft = int(a.Valid.Seconds()), int(a.Preferred.Seconds())
	}
	return out
}

// leaseMTU returns the MTU that a lease says, and undoes an earlier one's for a lease that says nothing.
func leaseMTU(l Link, mtu, plain int) int {
	switch {
	case mtu != 0:
		return mtu
	case plain != 0:
		return plain
	}
	return l.Attrs().MTU
}

// leased returns the address with its lifetime: the kernel removes it when the lease expires, whatever happens to this
// process.
func leased(lease dhcp.Lease) netlink.Addr {
	a := netlink.Addr{IPNet: lease.Address}
	if lease.Expire < math.MaxInt32*time.Second {
		a.ValidLft = int(lease.Expire.Seconds())
		a.PreferedLft = a.ValidLft
	}
	return a
}

// retire drops what only the previous lease had. The kernel removes routes whose source is a removed address.
func retire(n config.Network, l Link, before, now dhcp.Lease) (ops []Op) {
	if before.Address.String() != now.Address.String() {
		return []Op{DropAddress{IPNet: before.Address}}
	}
	keep := map[string]bool{}
	for _, r := range leaseRoutes(n, l, now) {
		keep[r.Dst.String()] = true
	}
	for _, r := range leaseRoutes(n, l, before) {
		if !keep[r.Dst.String()] {
			ops = append(ops, DropRoute(r))
		}
	}
	return ops
}

// leaseMetric is the metric of an interface's routes from DHCP. Unless the user sets it, it differs by interface: of two
// routes to the same destination with the same metric the kernel keeps only the later one, and the machine would have
// none when that interface is gone.
func leaseMetric(n config.Network, l Link) int {
	if m := Settings(n, l).Metric; m != 0 {
		return m
	}
	return metric(l, dhcpMetric+min(l.Attrs().Index, 1<<16))
}

// leaseRoutes returns the routes of a lease, beginning with those that other routes need for their gateways.
func leaseRoutes(n config.Network, l Link, lease dhcp.Lease) (out []netlink.Route) {
	for _, direct := range []bool{true, false} {
		for _, r := range lease.Routes {
			if (r.Gw == nil) == direct {
				out = append(out, r)
			}
		}
	}
	if lease.Gateway != nil {
		out = append(out, defaultRoute(lease.Gateway, 0))
	}
	for i := range out {
		out[i].Priority, out[i].Protocol, out[i].Src = leaseMetric(n, l), unix.RTPROT_DHCP, lease.Address.IP
	}
	return out
}
