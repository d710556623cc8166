package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
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
// second with the reason.
func Identify(ctx context.Context, name, ip string, waiting func(reason error)) (Identity, error) {
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return Identity{}, err
		}
		name = strings.ToLower(host)
	}
	for began := time.Now(); ; {
		id, err := find(name, ip)
		if err != nil && ip == "" && time.Since(began) > patience {
			id, err = findAny(name)
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

func find(name, ip string) (Identity, error) {
	if ip != "" {
		iface, err := interfaceOf(ip)
		return Identity{name, ip, iface}, err
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: 254}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return Identity{}, fmt.Errorf("list routes: %w", err)
	}
	best := -1
	for i, r := range routes {
		if isDefault(r) && r.LinkIndex > 0 && (best < 0 || r.Priority < routes[best].Priority) {
			best = i
		}
	}
	if best < 0 {
		return Identity{}, errors.New("no default route")
	}
	return addressOn(name, routes[best])
}

// findAny takes the first global address of an interface that a device stands behind.
func findAny(name string) (Identity, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return Identity{}, err
	}
	for _, l := range links {
		if l.Type() != "device" || l.Attrs().Flags&net.FlagLoopback != 0 || l.Attrs().Flags&net.FlagUp == 0 {
			continue
		}
		if id, err := addressOn(name, netlink.Route{LinkIndex: l.Attrs().Index}); err == nil {
			return id, nil
		}
	}
	return Identity{}, errors.New("no default route and no address on any interface")
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// addressOn takes the route's own source address, or else the first global one of its interface.
func addressOn(name string, r netlink.Route) (Identity, error) {
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return Identity{}, err
	}
	if r.Src != nil {
		return Identity{name, r.Src.String(), link.Attrs().Name}, nil
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return Identity{}, err
	}
	for _, a := range addrs {
		if a.IP.IsGlobalUnicast() {
			return Identity{name, a.IP.String(), link.Attrs().Name}, nil
		}
	}
	return Identity{}, fmt.Errorf("no address on %s", link.Attrs().Name)
}

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
