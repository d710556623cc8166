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

// Alone is the interface of a machine that no network has given an IPv4 address: its pods and its control plane serve on it, and nobody else
// can reach it. One that has IPv6 only needs it too, for pods and services are IPv4 unless its owner says otherwise. K3s's documentation makes such a one by hand for air gaps. Address and route are what docs/contracts.md agrees on with k3s.
const (
	Alone        = "proa-alone"
	aloneAddress = "203.0.113.254/31" // of a range that no network has (RFC 5737)
	aloneRouter  = "203.0.113.255"
	aloneMetric  = math.MaxInt32 // any other route is better
)

// How long a machine waits for a network, and how often it looks when nobody says that something has changed: seldom while all is well, for each
// look costs a small machine.
const (
	alonePatience = 30 * time.Second
	aloneLook     = 2 * time.Second
	companyLook   = 15 * time.Second
)

// Served: k3s finds an address, of a network or of the machine itself.
func Served() bool {
	_, err := netlink.LinkByName(Alone)
	return err == nil || len(Addresses()) > 0
}

// ipv4 reports whether a network has given such an address.
func ipv4() bool {
	return slices.ContainsFunc(Addresses(), func(a Address) bool { return !strings.Contains(a.Address, ":") })
}

// followAddresses makes the interface when there has been no other IPv4 address for patience, and removes it once there is one.
func (m *Manager) followAddresses(ctx context.Context, patience time.Duration) {
	changes := make(chan netlink.AddrUpdate, 64)
	if err := netlink.AddrSubscribe(changes, ctx.Done()); err != nil {
		m.logf("network: follow addresses: %v", err)
		changes = nil // looking now and then does as well
	}
	var since time.Time // there has been none; zero: there is one
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

// alone makes the interface. It says so once, and why.
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

// makeAlone takes a bridge without ports where the kernel has no dummies: pods have need of bridges anyway.
func (m *Manager) makeAlone() error {
	if m.Load != nil {
		_ = m.Load("dummy", "numdummies=0") // by itself the module makes an interface that nobody wants
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

// company ends being alone: an address of a network is there, so nothing is without one when this goes.
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

// reasons says for each interface why it has no address.
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
