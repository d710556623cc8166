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
	Made  // by proa: it has the alias Mark
)

// Mark is the alias (ip-link(8)) of interfaces that proa has made. It tells them from those of the cluster's network,
// in every process.
const Mark = "proa"

// Link is an interface of the kernel at one time.
type Link struct {
	netlink.Link
	Kind   Kind
	Driver string // as ethtool -i prints it; empty without a device
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
	// SetAlias gives the interface the alias Mark.
	SetAlias struct{}
	// SetMTU sets the MTU in bytes.
	SetMTU int
	// SetMAC sets the hardware address.
	SetMAC net.HardwareAddr
	// Rename gives the interface another name.
	Rename string
	// SetUp sets the interface up.
	SetUp struct{}
	// SetDown sets the interface down.
	SetDown struct{}
	// Join makes the interface a member of a bond or a bridge; index 0: of none.
	Join struct {
		Name  string
		Index int
	}
	// SetAttribute writes a file below the interface's own folder in /sys/class/net.
	SetAttribute struct{ Path, Value string }
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
	// PutRule adds a rule; one that is there already stays.
	PutRule netlink.Rule
	// DropRule removes a rule.
	DropRule netlink.Rule
	// ForgetRouters removes the addresses and routes that the kernel has from router advertisements.
	ForgetRouters struct{}
)

func (Create) String() string   { return "create" }
func (Delete) String() string   { return "delete" }
func (SetAlias) String() string { return "alias " + Mark }
func (o SetMTU) String() string { return fmt.Sprintf("mtu %d", int(o)) }
func (o SetMAC) String() string { return "mac " + net.HardwareAddr(o).String() }
func (o Rename) String() string { return "rename to " + string(o) }
func (SetUp) String() string    { return "up" }
func (SetDown) String() string  { return "down" }
func (o SetAttribute) String() string {
	return "attribute " + o.Path + "=" + o.Value
}
func (o Join) String() string {
	if o.Index == 0 {
		return "leave"
	}
	return "join " + o.Name
}
func (o SetSysctl) String() string   { return "sysctl " + o.Path + "=" + o.Value }
func (o PutAddress) String() string  { return "address " + lasting(netlink.Addr(o)) }
func (o DropAddress) String() string { return "drop address " + o.IPNet.String() }
func (o PutRoute) String() string    { return "route " + routeText(netlink.Route(o)) }
func (o DropRoute) String() string   { return "drop route " + routeText(netlink.Route(o)) }
func (o PutRule) String() string     { return "rule " + ruleText(netlink.Rule(o)) }
func (o DropRule) String() string    { return "drop rule " + ruleText(netlink.Rule(o)) }
func (ForgetRouters) String() string { return "forget routers" }

func lasting(a netlink.Addr) string {
	if a.ValidLft == 0 {
		return a.IPNet.String()
	}
	return fmt.Sprintf("%s for %d s", a.IPNet, a.ValidLft)
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
	family := 4
	if gw.To4() == nil {
		family = 6
	}
	return netlink.Route{Dst: everywhere(family), Gw: gw, Priority: metric, Flags: int(netlink.FLAG_ONLINK),
		Protocol: unix.RTPROT_STATIC}
}
