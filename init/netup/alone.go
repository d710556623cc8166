package netup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Alone is the interface of a machine without an IPv4 address from a network: its pods and its control plane use it,
// and nobody else can reach it. A machine with IPv6 only needs it too, because pods and services are IPv4 by default.
// K3s's documentation creates such an interface by hand for air gaps. Address and route are part of the contract with
// k3s (docs/contracts.md).
const (
	Alone        = "proa-alone"
	aloneAddress = "203.0.113.254/31" // reserved for documentation (RFC 5737)
	aloneRouter  = "203.0.113.255"
	aloneMetric  = math.MaxInt32 // any other route is preferred
)

// How long to wait for a network, and the polling intervals without an event: long in the normal case, because each
// poll costs CPU time on a small machine.
const (
	alonePatience = 30 * time.Second
	aloneLook     = 2 * time.Second
	companyLook   = 15 * time.Second
)

// Served says whether k3s finds an address, of a network or of this interface.
func Served() bool {
	_, err := netlink.LinkByName(Alone)
	return err == nil || len(Addresses()) > 0
}

// ipv4 says whether there is an IPv4 address from a network.
func ipv4() bool {
	return slices.ContainsFunc(Addresses(), func(a Address) bool { return !strings.Contains(a.Address, ":") })
}

// followAddresses creates the interface if there has been no other IPv4 address for patience, and removes it once there
// is one.
func (m *Manager) followAddresses(ctx context.Context, patience time.Duration) {
	changes := make(chan netlink.AddrUpdate, 64)
	if err := netlink.AddrSubscribe(changes, ctx.Done()); err != nil {
		m.logf("network: follow addresses: %v", err)
		changes = nil // without a subscription it polls
	}
	var since time.Time // since when there is none; zero: there is one
	for {
		look := aloneLook
		switch {
		case ipv4():
			m.company()
			since, look = time.Time{}, companyLook
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= patience:
			m.alone(patience)
		}
		select {
		case <-ctx.Done():
			return
		case _, more := <-changes:
			if !more {
				changes = nil
			}
		case <-time.After(look):
		}
	}
}

// alone creates the interface, and logs that and the reason once.
func (m *Manager) alone(after time.Duration) {
	if _, err := netlink.LinkByName(Alone); err == nil {
		return
	}
	err := m.makeAlone()
	text := fmt.Sprintf("no network: no IPv4 address after %s (%s)", after, strings.Join(m.reasons(), "; "))
	switch {
	case err != nil && !m.lonely:
		m.logf("%s; Kubernetes has to wait for one: %v", text, err)
	case err == nil:
		m.logf("%s; this machine serves itself until there is one", text)
	}
	m.lonely = true
}

// makeAlone uses a bridge without ports if the kernel has no dummy driver: pods need bridges anyway.
func (m *Manager) makeAlone() error {
	if m.Load != nil {
		_ = m.Load("dummy", "numdummies=0") // without it the module creates an interface of its own
	}
	named := netlink.LinkAttrs{Name: Alone}
	err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: named})
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = netlink.LinkAdd(&netlink.Bridge{LinkAttrs: named})
	}
	if err == nil {
		err = serveAlone()
	}
	if err != nil {
		m.company()
		return fmt.Errorf("%s: %w", Alone, err)
	}
	return nil
}

func serveAlone() error {
	l, err := netlink.LinkByName(Alone)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(aloneAddress)
	if err != nil {
		return err
	}
	route := defaultRoute(l.Attrs().Index, net.ParseIP(aloneRouter), aloneMetric)
	return errors.Join(wrap("address", netlink.AddrReplace(l, a)), wrap("up", netlink.LinkSetUp(l)), wrap("route", netlink.RouteReplace(&route)))
}

// company removes the interface: there is an address of a network now.
func (m *Manager) company() {
	m.lonely = false
	l, err := netlink.LinkByName(Alone)
	if err != nil {
		return
	}
	if err := netlink.LinkDel(l); err != nil {
		m.logf("network: remove %s: %v", Alone, err)
		return
	}
	m.logf("network: an IPv4 address is there, %s is removed", Alone)
}

// reasons returns for each interface why it has no address.
func (m *Manager) reasons() (out []string) {
	links, err := netlink.LinkList()
	if err != nil {
		return []string{err.Error()}
	}
	for _, l := range links {
		name := l.Attrs().Name
		joined := l.Attrs().RawFlags&unix.IFF_RUNNING != 0
		switch {
		case !physical(name):
		case radio(name) && !joined:
			out = append(out, name+": has joined no wireless network")
		case !joined:
			out = append(out, name+": no cable, or nothing at its other end")
		case m.settings(l).DHCP != nil && *m.settings(l).DHCP:
			out = append(out, name+": nobody answers DHCP")
		default:
			out = append(out, name+": its addresses could not be set")
		}
	}
	if out == nil {
		return []string{"this machine has no network adapter that works"}
	}
	slices.Sort(out)
	return out
}
