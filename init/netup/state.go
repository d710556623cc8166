package netup

import (
	"net"
	"slices"
	"strings"

	"github.com/proa-os/proa/init/sys"
	"github.com/vishvananda/netlink"
)

// Resolv is the text of resolv.conf: the config's servers and domains, then those that the networks named, at most the three servers that libc
// reads. What a network said was judged when it came in.
func (m *Manager) Resolv() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	servers, search := slices.Clone(m.cfg.DNS), slices.Clone(m.cfg.Search)
	for _, name := range m.names() {
		servers = append(servers, m.leases[name].DNS...)
		search = append(search, m.leases[name].Search...)
	}
	servers, search = distinct(servers), distinct(search)
	var b strings.Builder
	b.WriteString("# written by proa from config and what the networks say\n")
	if search = search[:min(len(search), max(len(m.cfg.Search), mostDomains))]; len(search) > 0 {
		b.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, s := range servers[:min(3, len(servers))] {
		b.WriteString("nameserver " + s + "\n")
	}
	return b.String()
}

// distinct keeps the first of those that are the same.
func distinct(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (m *Manager) names() (names []string) {
	for n := range m.leases {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (m *Manager) writeResolv() error {
	return sys.Linux{}.WriteFile(m.resolv, []byte(m.Resolv()), 0o644)
}

// NTPServers are those that DHCP brought.
func (m *Manager) NTPServers() (servers []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.names() {
		servers = append(servers, m.leases[name].NTP...)
	}
	return servers
}

// Address is one address of an interface.
type Address struct {
	Interface string `json:"interface"`
	Address   string `json:"address"`
}

// Addresses lists the global addresses of the interfaces that have a device behind them, for the console and for status.json.
func Addresses() (out []Address) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil
	}
	for _, l := range links {
		if !physical(l.Attrs().Name) {
			continue
		}
		addrs, _ := netlink.AddrList(l, netlink.FAMILY_ALL) // the link may just have gone
		for _, a := range addrs {
			if a.IP.IsGlobalUnicast() {
				out = append(out, Address{l.Attrs().Name, a.IPNet.String()})
			}
		}
	}
	return out
}

// HasDefaultRoute is one of the conditions for marking a slot good.
func HasDefaultRoute() bool {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(routes, func(r netlink.Route) bool {
		return r.Gw != nil && (r.Dst == nil || r.Dst.IP.Equal(net.IPv4zero) && isZero(r.Dst.Mask) || r.Dst.IP.Equal(net.IPv6zero) && isZero(r.Dst.Mask))
	})
}

func isZero(m net.IPMask) bool { ones, _ := m.Size(); return ones == 0 }

// FirstMAC is the hardware address that names a machine without a name.
func FirstMAC() net.HardwareAddr {
	links, err := netlink.LinkList()
	if err != nil {
		return nil
	}
	for _, l := range links {
		if wired(l.Attrs().Name) && len(l.Attrs().HardwareAddr) == 6 {
			return l.Attrs().HardwareAddr
		}
	}
	return nil
}
