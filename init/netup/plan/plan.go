// Package plan computes the network operations of an interface: configuration, links and leases in, operations out. It
// asks the kernel nothing and reads no files, so its tests are tables; package links lists the kernel's interfaces and
// applies operations. netlink's addresses, routes and links are used as values only.
package plan

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kind says what is behind an interface.
type Kind int

// Without a device an interface is the loopback, or belongs to the cluster's network.
const (
	Virtual Kind = iota
	Wired
	Radio // a Wi-Fi adapter
)

// Link is an interface of the kernel at one time.
type Link struct {
	netlink.Link
	Kind Kind
}

// Name returns the kernel's name of the interface.
func (l Link) Name() string { return l.Attrs().Name }

// Running says whether the interface has a cable with a machine at its other end, or has joined a wireless network.
func (l Link) Running() bool { return l.Attrs().RawFlags&unix.IFF_RUNNING != 0 }

// Op is an operation on one interface. Its text, of the operation without the interface, is used in errors.
type Op fmt.Stringer

// The operations. A dropped address or route may be gone already: it has expired, or the kernel removed it with what it
// depends on. Routes have no interface yet; it is the one the operations are applied to.
type (
	// Create creates the interface, as the first of these kinds that the kernel supports. Operations after it are
	// applied to the new interface.
	Create []netlink.Link
	// Delete removes the interface.
	Delete struct{}
	// SetMTU sets the MTU in bytes.
	SetMTU int
	// SetUp sets the interface up.
	SetUp struct{}
	// SetSysctl writes a file below /proc/sys, if the kernel has it.
	SetSysctl struct{ Path, Value string }
	// PutAddress adds an address or replaces its lifetime.
	PutAddress netlink.Addr
	// DropAddress removes an address.
	DropAddress netlink.Addr
	// PutRoute adds a route or replaces the one with the same destination and metric.
	PutRoute netlink.Route
	// DropRoute removes a route.
	DropRoute netlink.Route
)

func (Create) String() string        { return "create" }
func (Delete) String() string        { return "delete" }
func (o SetMTU) String() string      { return fmt.Sprintf("mtu %d", int(o)) }
func (SetUp) String() string         { return "up" }
func (o SetSysctl) String() string   { return "sysctl " + o.Path + "=" + o.Value }
func (o PutAddress) String() string  { return "address " + lasting(netlink.Addr(o)) }
func (o DropAddress) String() string { return "drop address " + o.IPNet.String() }
func (o PutRoute) String() string    { return "route " + routeText(netlink.Route(o)) }
func (o DropRoute) String() string   { return "drop route " + routeText(netlink.Route(o)) }

func lasting(a netlink.Addr) string {
	if a.ValidLft == 0 {
		return a.IPNet.String()
	}
	return fmt.Sprintf("%s for %d s", a.IPNet, a.ValidLft)
}

// routeText returns a route as ip-route(8) writes it.
func routeText(r netlink.Route) string {
	text := r.Dst.String()
	if r.Gw != nil {
		text += " via " + r.Gw.String()
	}
	if r.Src != nil {
		text += " src " + r.Src.String()
	}
	return fmt.Sprintf("%s metric %d", text, r.Priority)
}

// Metrics of routes: those in the configuration are preferred to those from DHCP, and those of a cable to those of a
// Wi-Fi adapter, because a cable is faster and harder to eavesdrop on.
const (
	staticMetric = 100
	dhcpMetric   = 1024
	radioMetric  = 1 << 18
)

// metric returns the metric for an interface.
func metric(l Link, base int) int {
	if l.Kind == Radio {
		return base + radioMetric
	}
	return base
}

// defaultRoute is marked on-link, because some hosting providers have a gateway outside of the address's network.
func defaultRoute(gw net.IP, metric int) netlink.Route {
	everywhere := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	if gw.To4() == nil {
		everywhere = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	return netlink.Route{Dst: everywhere, Gw: gw, Priority: metric, Flags: int(netlink.FLAG_ONLINK),
		Protocol: unix.RTPROT_STATIC}
}
