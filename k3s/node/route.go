package node

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// ServiceRoute adds a route of last resort for the service network. The rules for services are applied after routing:
// on a node without a default route, the node itself could reach no service. It replaces one through the interface that
// had the node's address before.
func (n Node) ServiceRoute() error {
	_, network, err := net.ParseCIDR(n.ServiceCIDR)
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(n.Iface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", n.Iface, err)
	}
	const last = 1 << 30 // metric: any other route is preferred
	return netlink.RouteReplace(&netlink.Route{Dst: network, LinkIndex: link.Attrs().Index, Priority: last, Scope: netlink.SCOPE_LINK})
}
