package netup

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Waiting between attempts: quick at first, because a switch port may need seconds to open; later seldom enough not to be a nuisance.
const (
	firstPause = 1 * time.Second
	lastPause  = 30 * time.Second
)

// dhcp asks, applies, renews, and begins again, for ever.
func (m *Manager) dhcp(ctx context.Context, l netlink.Link, poke <-chan struct{}) {
	name, pause, told := l.Attrs().Name, firstPause, false
	for ctx.Err() == nil {
		lease, err := m.ask(ctx, name)
		if err == nil {
			pause, told = firstPause, false
			if !m.hold(ctx, l, lease, poke) {
				return
			}
			continue
		}
		if !told { // once per trouble, not once per attempt
			m.logf("network %s: dhcp: %v; asking again for ever", name, err)
			told = true
		}
		switch rest(ctx, poke, pause) {
		case gone:
			return
		case poked:
			pause = firstPause
		case rested:
			pause = min(2*pause, lastPause)
		}
	}
}

// waking is what ended a rest.
type waking int

const (
	rested waking = iota
	poked         // something about the interface has changed
	gone          // there is no interface any more, or no need of it
)

// rest is how everything here waits that may have to wait for long.
func rest(ctx context.Context, poke <-chan struct{}, d time.Duration) waking {
	select {
	case <-ctx.Done():
		return gone
	case _, there := <-poke:
		if !there {
			return gone
		}
		return poked
	case <-time.After(d):
		return rested
	}
}

func (m *Manager) client(name string) (*nclient4.Client, error) {
	return nclient4.New(name, nclient4.WithTimeout(3*time.Second), nclient4.WithRetry(2))
}

func (m *Manager) wants() []dhcpv4.Modifier {
	return []dhcpv4.Modifier{
		dhcpv4.WithOption(dhcpv4.OptHostName(m.hostname)),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
			dhcpv4.OptionDomainName, dhcpv4.OptionNTPServers, dhcpv4.OptionClasslessStaticRoute),
	}
}

func (m *Manager) ask(ctx context.Context, name string) (*nclient4.Lease, error) {
	c, err := m.client(name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Request(ctx, m.wants()...)
}

// hold applies a lease and keeps it until it cannot be renewed any more. false: the interface is gone.
func (m *Manager) hold(ctx context.Context, l netlink.Link, lease *nclient4.Lease, poke <-chan struct{}) bool {
	name := l.Attrs().Name
	have := ParseACK(lease.ACK)
	m.adopt(l, have)
	m.logf("network %s: dhcp: %s via %s", name, have.Address, have.Gateway)
	expires := time.Now().Add(have.Expire)
	wait := have.Renew
	for {
		if rest(ctx, poke, wait) == gone {
			return false
		}
		fresh, err := m.renew(ctx, name, lease)
		if err == nil {
			next := ParseACK(fresh.ACK)
			if next.Address.String() != have.Address.String() {
				m.drop(l, have)
			}
			lease, have = fresh, next
			m.adopt(l, have)
			expires, wait = time.Now().Add(have.Expire), have.Renew
			continue
		}
		left := time.Until(expires)
		if _, nak := err.(*nclient4.ErrNak); nak || left <= 0 {
			m.logf("network %s: dhcp: lost %s: %v", name, have.Address, err)
			m.drop(l, have)
			return true
		}
		wait = max(min(left/2, have.Renew), time.Second)
	}
}

func (m *Manager) renew(ctx context.Context, name string, lease *nclient4.Lease) (*nclient4.Lease, error) {
	c, err := m.client(name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Renew(ctx, lease, m.wants()...)
}

// ParseACK takes from an answer what proa uses. Times follow RFC 2131: renew at half of the lease.
func ParseACK(ack *dhcpv4.DHCPv4) Lease {
	mask := ack.SubnetMask()
	if mask == nil {
		mask = ack.YourIPAddr.DefaultMask()
	}
	expire := ack.IPAddressLeaseTime(time.Hour)
	lease := Lease{Address: &net.IPNet{IP: ack.YourIPAddr, Mask: mask}, Expire: expire, Renew: max(ack.IPAddressRenewalTime(expire/2), 5*time.Second)}
	if routers := ack.Router(); len(routers) > 0 {
		lease.Gateway = routers[0]
	}
	for _, r := range ack.ClasslessStaticRoute() {
		// with option 121 the router option does not count (RFC 3442)
		if ones, _ := r.Dest.Mask.Size(); ones == 0 {
			lease.Gateway = r.Router
			continue
		}
		lease.Routes = append(lease.Routes, netlink.Route{Dst: r.Dest, Gw: r.Router})
	}
	lease.DNS, lease.NTP = texts(ack.DNS()), texts(ack.NTPServers())
	if d := ack.DomainName(); d != "" {
		lease.Search = []string{d}
	}
	return lease
}

func texts(ips []net.IP) (out []string) {
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func (m *Manager) adopt(l netlink.Link, lease Lease) {
	addr := &netlink.Addr{IPNet: lease.Address, ValidLft: int(lease.Expire.Seconds()), PreferedLft: int(lease.Expire.Seconds())}
	err := wrap("address", netlink.AddrReplace(l, addr))
	routes, metric := lease.Routes, metricOf(l, leaseMetric(l.Attrs().Index))
	if lease.Gateway != nil {
		routes = append([]netlink.Route{defaultRoute(l.Attrs().Index, lease.Gateway, metric)}, routes...)
	}
	for _, r := range routes {
		r.LinkIndex, r.Priority, r.Protocol, r.Src = l.Attrs().Index, metric, unix.RTPROT_DHCP, lease.Address.IP
		if e := netlink.RouteReplace(&r); e != nil {
			err = fmt.Errorf("route %s: %w", r, e)
		}
	}
	m.mu.Lock()
	m.leases[l.Attrs().Name] = lease
	m.mu.Unlock()
	if e := m.writeResolv(); e != nil {
		err = e
	}
	if err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
}

// drop removes the address and the name servers; the kernel drops the routes that came with it.
func (m *Manager) drop(l netlink.Link, lease Lease) {
	_ = netlink.AddrDel(l, &netlink.Addr{IPNet: lease.Address}) // it may have run out by itself
	m.mu.Lock()
	delete(m.leases, l.Attrs().Name)
	m.mu.Unlock()
	if err := m.writeResolv(); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
}
