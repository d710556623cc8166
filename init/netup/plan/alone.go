package plan

import (
	"math"
	"net"

	"github.com/vishvananda/netlink"
)

// AloneName is the interface of a machine without an IPv4 address from a network: its pods and its control plane use
// it, and nobody else can reach it. A machine with IPv6 only needs it too, because pods and services are IPv4 by
// default. K3s's documentation creates such an interface by hand for air gaps. Address and route are part of the
// contract with k3s (docs/contracts.md).
const AloneName = "proa-alone"

// Alone returns the operations that create that interface: a bridge without ports if the kernel has no dummy driver,
// because pods need bridges anyway. Any other route is preferred to its own.
func Alone() []Op {
	name := netlink.LinkAttrs{Name: AloneName}
	reserved := func(host byte) net.IP { return net.IPv4(203, 0, 113, host).To4() } // for documentation (RFC 5737)
	return []Op{
		Create{&netlink.Dummy{LinkAttrs: name}, &netlink.Bridge{LinkAttrs: name}},
		PutAddress{IPNet: &net.IPNet{IP: reserved(254), Mask: net.CIDRMask(31, 32)}},
		SetUp{},
		PutRoute(defaultRoute(reserved(255), math.MaxInt32)),
	}
}
