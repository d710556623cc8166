// Package address finds who this node is on the network, and follows it while the network changes. It waits for a network rather than
// to take an address that nobody can reach, and it refuses to leave one that is still there.
package address

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/k3s/flags"
)

// Identity is who this node is on the network.
type Identity struct {
	Name  string
	IP    string
	Iface string
}

// patience is how long a default route is waited for. A network that leads nowhere has none; its one address then does.
const patience = 10 * time.Second

// Identify finds name and address, waiting for the network when the address is not given. waiting is called once per
// second with the reason. The address is of the family that the cluster's services have: the API server takes no other.
func Identify(ctx context.Context, c *flags.Config, waiting func(reason error)) (Identity, error) {
	name := c.NodeName
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return Identity{}, err
		}
		name = strings.ToLower(host)
	}
	for began := time.Now(); ; {
		id, err := find(name, c.NodeIP, family(c))
		if err != nil && c.NodeIP == "" && time.Since(began) > patience {
			id, err = findAny(name, family(c))
		}
		if err == nil {
			return id, nil
		}
		waiting(err)
		select {
		case <-ctx.Done():
			return Identity{}, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func family(c *flags.Config) int {
	if c.APIServiceIP().Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

var familyNames = map[int]string{netlink.FAMILY_V4: "IPv4", netlink.FAMILY_V6: "IPv6"}

func find(name, ip string, family int) (Identity, error) {
	if ip != "" {
		iface, err := interfaceOf(ip)
		return Identity{name, ip, iface}, err
	}
	routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return Identity{}, fmt.Errorf("list routes: %w", err)
	}
	slices.SortStableFunc(routes, func(a, b netlink.Route) int { return cmp.Compare(uint32(a.Priority), uint32(b.Priority)) })
	err = fmt.Errorf("no %s default route; the cluster's services (service-cidr) are %[1]s", familyNames[family])
	for _, r := range routes {
		if !isDefault(r) || r.LinkIndex <= 0 {
			continue
		}
		id, lerr := addressOn(name, r, family)
		if lerr == nil {
			return id, nil
		}
		err = lerr // a worse route may have an address
	}
	return Identity{}, err
}

// findAny takes the first global address of an interface that a device stands behind.
func findAny(name string, family int) (Identity, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return Identity{}, err
	}
	for _, l := range links {
		if l.Type() != "device" || l.Attrs().Flags&net.FlagLoopback != 0 || l.Attrs().Flags&net.FlagUp == 0 {
			continue
		}
		if id, err := addressOn(name, netlink.Route{LinkIndex: l.Attrs().Index}, family); err == nil {
			return id, nil
		}
	}
	return Identity{}, fmt.Errorf("no %s default route and no such address on any interface; the cluster's services (service-cidr) are %[1]s",
		familyNames[family])
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// addressOn takes the route's own source address, or else the first global one of its interface.
func addressOn(name string, r netlink.Route, family int) (Identity, error) {
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return Identity{}, err
	}
	if r.Src != nil {
		return Identity{name, r.Src.String(), link.Attrs().Name}, nil
	}
	addrs, err := netlink.AddrList(link, family)
	if err != nil {
		return Identity{}, err
	}
	for _, avoid := range []int{passing, absent} { // one that passes is better than none
		for _, a := range addrs {
			if a.IP.IsGlobalUnicast() && a.Flags&avoid == 0 {
				return Identity{name, a.IP.String(), link.Attrs().Name}, nil
			}
		}
	}
	return Identity{}, fmt.Errorf("no %s address on %s", familyNames[family], link.Attrs().Name)
}

const (
	// absent marks addresses that cannot be used: not checked yet whether another has them, or another has.
	absent = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	// passing are also those on their way out, or changed daily for privacy (RFC 8981). IPv4 gives further addresses of a network
	// IFA_F_SECONDARY, which is the same bit as IFA_F_TEMPORARY.
	passing = absent | unix.IFA_F_DEPRECATED | unix.IFA_F_TEMPORARY
)

func interfaceOf(ip string) (string, error) {
	want := net.ParseIP(ip)
	if want == nil {
		return "", fmt.Errorf("node-ip %q: not an address", ip)
	}
	ifaces, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range ifaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // the interface went away meanwhile
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(want) {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has address %s", ip)
}
