package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/netup/outside"
)

// Lease is the DHCP configuration of one interface.
type Lease struct {
	Address *net.IPNet
	Server  net.IP // the server; nil: not in the answer
	Gateway net.IP
	Routes  []netlink.Route
	DNS     []string
	Search  []string
	NTP     []string
	MTU     int           // of the network; 0: it did not say
	Renew   time.Duration // T1 of RFC 2131: renew from its server
	Rebind  time.Duration // T2: rebind from any server
	Expire  time.Duration // Forever: it does not expire
	Refused []string      // parts of the answer that are ignored
}

// Forever is the time of an infinite lease (RFC 2131, section 3.3).
const Forever = time.Duration(math.MaxInt64)

// Limits of lease times. A lease of a few seconds is a mistake of the server; the default without a lease time is an
// hour.
const (
	shortest = 10 * time.Second
	untold   = time.Hour
	infinite = math.MaxUint32 * time.Second
)

// mostRoutes is the maximum number of routes of one answer.
const mostRoutes = 64

// ParseACK reads the options that proa uses from an OFFER or ACK. An invalid address is an error; other invalid values
// are ignored and listed in Refused.
func ParseACK(ack *dhcpv4.DHCPv4) (Lease, error) {
	var lease Lease
	address, err := addressOf(ack)
	if err != nil {
		return lease, err
	}
	lease.Address = address
	if id := ack.ServerIdentifier(); id != nil && outside.Host(addr(id)) {
		lease.Server = id
	}
	lease.Renew, lease.Rebind, lease.Expire = times(ack)
	lease.routes(ack)
	lease.mtu(ack)
	lease.DNS = outside.Hosts("name server", addrs(ack.DNS()), &lease.Refused)
	lease.NTP = outside.Hosts("NTP server", addrs(ack.NTPServers()), &lease.Refused)
	lease.Search = outside.Domains(lease.words(ack.DomainName()), &lease.Refused)
	if more := ack.DomainSearch(); more != nil {
		lease.Search = outside.Domains(append(lease.Search, more.Labels...), &lease.Refused)
	}
	return lease, nil
}

// words splits several domains in the option for one, which are common. Other white space is not valid in a domain.
func (l *Lease) words(s string) []string {
	s = strings.TrimRight(s, "\x00")
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		l.Refused = append(l.Refused, "domain "+outside.Short(s))
		return nil
	}
	return strings.Fields(s)
}

// smallestMTU is what every IPv4 host takes (RFC 791); with less a machine would be cut off by one bad answer.
const smallestMTU = 576

// mtu: clouds and tunnels carry less than the Ethernet of the machine does, and drop what is larger (RFC 2132, section 5.1).
func (l *Lease) mtu(ack *dhcpv4.DHCPv4) {
	b := ack.Options.Get(dhcpv4.OptionInterfaceMTU)
	switch {
	case b == nil:
	case len(b) != 2 || binary.BigEndian.Uint16(b) < smallestMTU:
		l.Refused = append(l.Refused, fmt.Sprintf("MTU %x", b))
	default:
		l.MTU = int(binary.BigEndian.Uint16(b))
	}
}

func addressOf(ack *dhcpv4.DHCPv4) (*net.IPNet, error) {
	ip := ack.YourIPAddr.To4()
	if ip == nil || !outside.Host(addr(ip)) {
		return nil, fmt.Errorf("address %s: no machine can have it", ack.YourIPAddr)
	}
	mask := ack.SubnetMask()
	if ones, bits := mask.Size(); bits != 32 || ones == 0 {
		mask = ip.DefaultMask()
	}
	n := &net.IPNet{IP: ip, Mask: mask}
	if ones, _ := mask.Size(); ones < 31 && (ip.Equal(n.IP.Mask(mask)) || ip.Equal(last(n))) {
		return nil, errors.New("address " + n.String() + ": it is that of the network, or of everybody in it")
	}
	return n, nil
}

// last returns the broadcast address of a network.
func last(n *net.IPNet) net.IP {
	ip := n.IP.Mask(n.Mask)
	for i := range ip {
		ip[i] |= ^n.Mask[i]
	}
	return ip
}

// times returns the timers as in RFC 2131, section 4.4.5: renew at half of the lease and rebind at seven eighths,
// unless the server sets other values in this order.
func times(ack *dhcpv4.DHCPv4) (renew, rebind, expire time.Duration) {
	expire = ack.IPAddressLeaseTime(untold)
	if expire >= infinite {
		return Forever, Forever, Forever
	}
	expire = max(expire, shortest)
	renew, rebind = ack.IPAddressRenewalTime(0), ack.IPAddressRebindingTime(0)
	if rebind <= 0 || rebind >= expire {
		rebind = expire / 8 * 7
	}
	if renew <= 0 || renew >= rebind {
		renew = min(expire/2, rebind)
	}
	return max(renew, time.Second), max(rebind, time.Second), expire
}

// routes reads the routes: with option 121 the router option is ignored (RFC 3442).
func (l *Lease) routes(ack *dhcpv4.DHCPv4) {
	for _, ip := range ack.Router() {
		if l.Gateway == nil && l.hop(ip) {
			l.Gateway = ip.To4()
		}
	}
	list := ack.ClasslessStaticRoute()
	if len(list) > 0 {
		l.Gateway = nil
	}
	for _, r := range list {
		l.route(r)
	}
}

func (l *Lease) route(r *dhcpv4.Route) {
	if r == nil || r.Dest == nil || len(l.Routes) >= mostRoutes {
		return
	}
	ones, bits := r.Dest.Mask.Size()
	direct := r.Router.Equal(net.IPv4zero) // an on-link route
	switch {
	case bits != 32 || !direct && !l.hop(r.Router):
	case ones == 0 && !direct:
		l.Gateway = r.Router.To4()
	case ones > 0 && !outside.Host(addr(r.Dest.IP)):
		l.Refused = append(l.Refused, "route to "+r.Dest.String())
	case direct && ones > 0:
		l.Routes = append(l.Routes, netlink.Route{Dst: r.Dest, Scope: netlink.SCOPE_LINK})
	case !direct:
		l.Routes = append(l.Routes, netlink.Route{Dst: r.Dest, Gw: r.Router.To4(), Flags: int(netlink.FLAG_ONLINK)})
	}
}

// hop says whether ip is a valid next hop: reachable, and not this machine.
func (l *Lease) hop(ip net.IP) bool {
	if outside.Host(addr(ip)) && !ip.Equal(l.Address.IP) {
		return true
	}
	l.Refused = append(l.Refused, "router "+ip.String())
	return false
}

// completed copies options from the lease before that the answer to a renewal lacks. Some servers send only changes.
func (l Lease) completed(ack *dhcpv4.DHCPv4, before Lease) Lease {
	if !before.Address.IP.Equal(l.Address.IP) {
		return l
	}
	has := func(codes ...dhcpv4.OptionCode) (any bool) {
		for _, c := range codes {
			any = any || ack.Options.Has(c)
		}
		return any
	}
	if !has(dhcpv4.OptionSubnetMask) {
		l.Address = before.Address
	}
	if !has(dhcpv4.OptionRouter, dhcpv4.OptionClasslessStaticRoute) {
		l.Gateway, l.Routes = before.Gateway, before.Routes
	}
	if !has(dhcpv4.OptionDomainNameServer) {
		l.DNS = before.DNS
	}
	if !has(dhcpv4.OptionDomainName, dhcpv4.OptionDNSDomainSearchList) {
		l.Search = before.Search
	}
	if !has(dhcpv4.OptionNTPServers) {
		l.NTP = before.NTP
	}
	if !has(dhcpv4.OptionInterfaceMTU) {
		l.MTU = before.MTU
	}
	if l.Server == nil {
		l.Server = before.Server
	}
	return l
}

func addr(ip net.IP) netip.Addr { a, _ := netip.AddrFromSlice(ip); return a.Unmap() }

func addrs(ips []net.IP) (out []netip.Addr) {
	for _, ip := range ips {
		out = append(out, addr(ip))
	}
	return out
}
