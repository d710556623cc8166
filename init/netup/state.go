package netup

import (
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/outside"
	"github.com/proa-os/proa/init/netup/plan"
)

// Resolv returns the text of resolv.conf: the configuration's servers and domains, those of its interfaces that are
// there, by their names, then those that the networks say, at most the three servers that libc uses. Values from networks
// have been validated.
func (m *Manager) Resolv() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.network()
	now, servers, search := time.Now(), slices.Clone(n.DNS), slices.Clone(n.Search)
	for _, name := range slices.Sorted(maps.Keys(m.begun)) {
		s := plan.Settings(n, m.begun[name].plain)
		servers, search = append(servers, s.DNS...), append(search, s.Search...)
	}
	user := len(distinct(search))
	for _, name := range m.names() {
		servers = slices.Concat(servers, m.leases[name].DNS, m.six[name].DNS, valid(m.advice[name].dns, now))
		search = slices.Concat(search, m.leases[name].Search, m.six[name].Search, valid(m.advice[name].search, now))
	}
	servers, search = distinct(servers), distinct(search)
	var b strings.Builder
	b.WriteString("# written by proa from config and what the networks say\n")
	if search = search[:min(len(search), max(user, outside.MostDomains))]; len(search) > 0 {
		b.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, s := range servers[:min(3, len(servers))] {
		b.WriteString("nameserver " + s + "\n")
	}
	return b.String()
}

// distinct removes duplicates.
func distinct(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// names returns the interfaces of which a network has said something, sorted.
func (m *Manager) names() []string {
	names := slices.Concat(slices.Collect(maps.Keys(m.leases)), slices.Collect(maps.Keys(m.six)), slices.Collect(maps.Keys(m.advice)))
	slices.Sort(names)
	return slices.Compact(names)
}

// writeResolv writes the file only if it changes, because others watch it.
func (m *Manager) writeResolv() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	text := m.Resolv()
	if text == m.wrote {
		return nil
	}
	if err := m.sys.WriteFile(m.resolv, []byte(text), 0o644); err != nil {
		return err
	}
	m.wrote = text
	return nil
}

// NTPServers returns the servers from DHCP.
func (m *Manager) NTPServers() (servers []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.names() {
		servers = slices.Concat(servers, m.leases[name].NTP, m.six[name].NTP)
	}
	return servers
}

// Address is one address of an interface.
type Address struct {
	Interface string `json:"interface"`
	Address   string `json:"address"`
}

// Addresses returns the global addresses of the interfaces with a device, for the console and for status.json.
func Addresses() (out []Address) {
	present, err := links.List()
	if err != nil {
		return nil
	}
	for _, l := range present {
		if l.Kind == plan.Virtual {
			continue
		}
		addrs, _ := netlink.AddrList(l, netlink.FAMILY_ALL) // the link may have been removed
		for _, a := range addrs {
			if a.IP.IsGlobalUnicast() {
				out = append(out, Address{l.Name(), a.IPNet.String()})
			}
		}
	}
	return out
}

// DefaultRoutes says whether there is a default route, and whether there is one of IPv4. Slots and changes of the
// configuration are judged by both: on most networks the kernel gets one of IPv6 by itself, from router advertisements,
// so that a machine whose IPv4 is lost still has a default route.
func DefaultRoutes() (any, ipv4 bool) {
	ipv4 = hasDefaultRoute(netlink.FAMILY_V4)
	return ipv4 || hasDefaultRoute(netlink.FAMILY_V6), ipv4
}

func hasDefaultRoute(family int) bool {
	routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST},
		netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
	if err != nil {
		return false
	}
	own := 0
	if l, err := netlink.LinkByName(plan.AloneName); err == nil {
		own = l.Attrs().Index
	}
	return slices.ContainsFunc(routes, func(r netlink.Route) bool {
		anywhere := r.Dst == nil || r.Dst.IP.IsUnspecified() && isZero(r.Dst.Mask)
		return anywhere && (r.Gw != nil || r.Via != nil || len(r.MultiPath) > 0) && (own == 0 || r.LinkIndex != own)
	})
}

func isZero(m net.IPMask) bool { ones, _ := m.Size(); return ones == 0 }

// FirstMAC returns the hardware address from which the default host name is made.
func FirstMAC() net.HardwareAddr {
	present, err := links.List()
	if err != nil {
		return nil
	}
	for _, l := range present {
		if l.Kind == plan.Wired && len(l.Attrs().HardwareAddr) == 6 {
			return l.Attrs().HardwareAddr
		}
	}
	return nil
}
