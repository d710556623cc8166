// Package address finds the node's name and address, and follows the address when the network changes. It waits for a
// network rather than use an address that nobody can reach, and does not leave an address that still exists.
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

// Identity is the node's name, address and interface.
type Identity struct {
	Name  string
	IP    string
	Iface string
}

// patience is how long to wait for a default route. A network without a router has none; its only address is used then.
const patience = 10 * time.Second

// Identify finds name and address, and waits for the network if no address is given. waiting is called once per second
// with the reason. The address has the family of the cluster's services, as the API server requires.
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
		err = lerr // a less preferred route may have an address
	}
	return Identity{}, err
}

// findAny returns the first global address of an interface that has a device.
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

// addressOn returns the route's own source address, or the first global one of its interface.
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
	for _, avoid := range []int{passing, absent} { // a temporary one is better than none
		for _, a := range addrs {
			if a.IP.IsGlobalUnicast() && a.Flags&avoid == 0 {
				return Identity{name, a.IP.String(), link.Attrs().Name}, nil
			}
		}
	}
	return Identity{}, fmt.Errorf("no %s address on %s", familyNames[family], link.Attrs().Name)
}

const (
	// absent are flags of addresses that cannot be used: duplicate address detection is running or has failed.
	absent = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	// passing are additionally those of deprecated and temporary addresses (RFC 8981). IPv4 marks further addresses of
	// a network with IFA_F_SECONDARY, which is the same bit as IFA_F_TEMPORARY.
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
			continue // the interface was removed meanwhile
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(want) {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has address %s", ip)
}
