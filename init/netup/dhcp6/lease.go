package dhcp6

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/proa-os/proa/init/netup/outside"
)

// Address is an address with its lifetimes; Forever: it does not expire.
type Address struct {
	IP               net.IP
	Preferred, Valid time.Duration
}

// Lease is the DHCPv6 configuration of one interface.
type Lease struct {
	Addresses []Address
	Server    dhcpv6.DUID
	DNS       []string
	Search    []string
	NTP       []string
	Renew     time.Duration // T1: renew from its server
	Rebind    time.Duration // T2: rebind from any server
	Expire    time.Duration // of the address that is valid longest
	Refused   []string      // parts of the answer that are ignored
}

// Forever is the time of a lease without end (section 7.7).
const Forever = math.MaxUint32 * time.Second

// Limits: a lease of a few seconds is a mistake of the server, and one identity needs few addresses.
const (
	shortest      = 10 * time.Second
	mostAddresses = 8
)

func join(list []string) string { return strings.Join(list, ", ") }

func (l Lease) text() string {
	var out []string
	for _, a := range l.Addresses {
		out = append(out, a.IP.String())
	}
	return join(out)
}

// refusal is a server's status code that says no (section 21.13).
type refusal struct{ status *dhcpv6.OptStatusCode }

func (r *refusal) Error() string {
	return fmt.Sprintf("refused by the server: %s %s", r.status.StatusCode, outside.Short(r.status.StatusMessage))
}

func refused(s *dhcpv6.OptStatusCode) error {
	if s != nil && s.StatusCode != iana.StatusSuccess {
		return &refusal{s}
	}
	return nil
}

// Parse reads what proa uses from an Advertise or Reply. Invalid values are ignored and listed in Refused; without an
// address there is an error.
func Parse(m *dhcpv6.Message) (Lease, error) {
	lease := Lease{Server: m.Options.ServerID()}
	if err := refused(m.Options.Status()); err != nil {
		return lease, err
	}
	if lease.Server == nil {
		return lease, errors.New("an answer without a server")
	}
	ia := m.Options.OneIANA()
	if ia == nil {
		return lease, errors.New("an answer without addresses")
	}
	if err := refused(ia.Options.Status()); err != nil {
		return lease, err
	}
	lease.addresses(ia.Options.Addresses())
	if len(lease.Addresses) == 0 {
		return lease, errors.New("an answer without a valid address")
	}
	lease.times(ia.T1, ia.T2)
	lease.DNS = outside.Hosts("name server", addrs(m.Options.DNS()), &lease.Refused)
	lease.NTP = outside.Hosts("NTP server", addrs(m.Options.NTPServers()), &lease.Refused)
	if list := m.Options.DomainSearchList(); list != nil {
		lease.Search = outside.Domains(list.Labels, &lease.Refused)
	}
	return lease, nil
}

// addresses leaves out what the server takes back, which is valid for 0 s.
func (l *Lease) addresses(list []*dhcpv6.OptIAAddress) {
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.IPv6Addr)
		switch {
		case a.ValidLifetime == 0 || len(l.Addresses) >= mostAddresses:
		case !ip.Is6() || ip.Is4In6() || ip.IsLinkLocalUnicast() || !outside.Host(ip) || a.PreferredLifetime > a.ValidLifetime:
			l.Refused = append(l.Refused, "address "+ip.String())
		case refused(a.Options.Status()) == nil:
			l.Addresses = append(l.Addresses, Address{a.IPv6Addr, a.PreferredLifetime, max(a.ValidLifetime, shortest)})
		}
	}
}

// times are the server's, or, if it leaves them to the client or they are out of order, half and four fifths of the shortest
// preferred lifetime (section 21.4).
func (l *Lease) times(t1, t2 time.Duration) {
	least := Forever
	for _, a := range l.Addresses {
		least, l.Expire = min(least, max(a.Preferred, shortest)), max(l.Expire, a.Valid)
	}
	if t2 == 0 || t2 > least {
		t2 = least / 5 * 4
	}
	if t1 == 0 || t1 > t2 {
		t1 = min(least/2, t2)
	}
	l.Renew, l.Rebind = max(t1, time.Second), max(t2, time.Second)
}

func addrs(ips []net.IP) (out []netip.Addr) {
	for _, ip := range ips {
		a, _ := netip.AddrFromSlice(ip)
		out = append(out, a.Unmap())
	}
	return out
}
