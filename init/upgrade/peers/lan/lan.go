// Package lan has the networks that this machine is directly attached to, and sockets for questions and answers on one of
// them. It leaves out those of pods, and refuses no packet itself: a socket is bound to its interface and, where questions
// are heard, to the group, and what is sent passes no router.
package lan

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/upgrade/peers/port"
	"github.com/proa-os/proa/init/upgrade/peers/question"
)

// Net is a network, by the interface to it.
type Net struct {
	Name     string
	Index    int
	Prefixes []netip.Prefix
}

// List returns the networks with multicast and an address, but those of interfaces whose names match a pattern: a name,
// or a name with * at its end.
func List(except []string) ([]Net, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	var list []Net
	for _, i := range all {
		const want, not = net.FlagUp | net.FlagMulticast, net.FlagLoopback | net.FlagPointToPoint
		if i.Flags&want != want || i.Flags&not != 0 || slices.ContainsFunc(except, func(p string) bool { ok, _ := path.Match(p, i.Name); return ok }) {
			continue
		}
		if n := (Net{i.Name, i.Index, prefixes(i)}); n.Prefixes != nil {
			list = append(list, n)
		}
	}
	return list, nil
}

func prefixes(i net.Interface) (list []netip.Prefix) {
	addrs, _ := i.Addrs() // the interface may be gone
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// OnLink says whether an address is of this network, without a router in between.
func (n Net) OnLink(a netip.Addr) bool {
	if z := a.Zone(); z != "" && z != n.Name {
		return false
	}
	a = a.WithZone("").Unmap()
	return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Families returns the groups of the protocols of which the network has an address.
func (n Net) Families() (groups []netip.Addr) {
	v4, v6 := question.Groups()
	for _, g := range []netip.Addr{v4, v6} {
		if slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() == g.Is4() }) {
			groups = append(groups, g)
		}
	}
	return groups
}

func network(group netip.Addr) string {
	if group.Is4() {
		return "udp4"
	}
	return "udp6"
}

// Hear returns a socket that receives what is sent to the group on this network, and answers on it.
func (n Net) Hear(group netip.Addr) (*net.UDPConn, error) {
	i := &net.Interface{Index: n.Index, Name: n.Name}
	c, err := net.ListenMulticastUDP(network(group), i, net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, port.Pieces)))
	if err != nil {
		return nil, fmt.Errorf("hear questions on %s: %w", n.Name, err)
	}
	raw, err := c.SyscallConn()
	if err == nil {
		err = n.control(raw, group)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("hear questions on %s: %w", n.Name, err)
	}
	return c, nil
}

// Ask returns a socket that sends questions on this network, and receives answers.
func (n Net) Ask(group netip.Addr) (*net.UDPConn, error) {
	l := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return n.control(raw, group) }}
	c, err := l.ListenPacket(context.Background(), network(group), fmt.Sprintf(":%d", port.Answers))
	if err != nil {
		return nil, fmt.Errorf("ask on %s: %w", n.Name, err)
	}
	return c.(*net.UDPConn), nil
}

// Send sends a question to the group.
func (n Net) Send(c *net.UDPConn, group netip.Addr, q question.Question) error {
	if group.Is6() {
		group = group.WithZone(n.Name)
	}
	_, err := c.WriteToUDPAddrPort(q.Encode(), netip.AddrPortFrom(group, port.Pieces))
	return err
}

// control binds a socket to the interface. What it sends lives for one hop, and does not come back.
func (n Net) control(raw syscall.RawConn, group netip.Addr) (err error) {
	set := func(fd, level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	called := raw.Control(func(p uintptr) {
		fd := int(p)
		set(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err == nil {
			err = unix.BindToDevice(fd, n.Name)
		}
		if group.Is6() {
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, n.Index)
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 1)
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 1)
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0)
			return
		}
		set(fd, unix.IPPROTO_IP, unix.IP_TTL, 1)
		set(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 1)
		set(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0)
		if err == nil {
			err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(n.Index)})
		}
	})
	if called != nil {
		return called
	}
	return err
}

// String returns the name and the prefixes, by which a network that changed is noticed.
func (n Net) String() string {
	var all []string
	for _, p := range n.Prefixes {
		all = append(all, p.String())
	}
	return n.Name + " " + strings.Join(all, " ")
}
