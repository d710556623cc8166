package netup

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/outside"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/netup/wait"
)

// word is a name server or domain from a router advertisement, with its lifetime.
type word struct {
	text  string
	until time.Time
}

// advice has the name servers and domains from the routers of one interface (RFC 8106).
type advice struct{ dns, search []word }

// ndHeader is the length of the kernel's struct nduseroptmsg; the options of the router advertisement follow it.
const ndHeader = 16

// Options of router advertisements (RFC 8106, sections 5.1 and 5.2).
const (
	optionRDNSS = 25
	optionDNSSL = 31
)

// forgetEvery is the interval for removing expired name servers.
const forgetEvery = 10 * time.Second

// again is the pause before a broken subscription is renewed.
const again = time.Second

// followRouters subscribes to the options of router advertisements that the kernel does not handle itself.
func (m *Manager) followRouters(ctx context.Context) {
	for ctx.Err() == nil {
		if err := m.hearRouters(ctx); err != nil {
			m.logf("network: name servers of routers: %v", err)
		}
		wait.For(ctx, nil, again)
	}
}

func (m *Manager) hearRouters(ctx context.Context) error {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_ND_USEROPT)
	if err != nil {
		return err
	}
	defer s.Close()
	brief := unix.NsecToTimeval(int64(forgetEvery))
	if err := s.SetReceiveTimeout(&brief); err != nil {
		return err
	}
	for ctx.Err() == nil {
		msgs, _, err := s.Receive()
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, msg := range msgs {
			if msg.Header.Type == unix.RTM_NEWNDUSEROPT {
				m.heed(msg.Data)
			}
		}
		if err := m.writeResolv(); err != nil {
			m.logf("network: %v", err)
		}
	}
	return nil
}

// heed handles one message of the kernel. Other interfaces are ignored.
func (m *Manager) heed(b []byte) {
	if len(b) < ndHeader || b[0] != unix.AF_INET6 {
		return
	}
	l, err := netlink.LinkByIndex(int(binary.NativeEndian.Uint32(b[4:8])))
	if err != nil {
		return
	}
	name := l.Attrs().Name
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.begun[name]; p != nil && *plan.Settings(m.network(), p.plain).AcceptRA {
		a := m.advice[name]
		a.take(b[ndHeader:], name, time.Now())
		m.advice[name] = a
	}
}

// take parses the options. Incomplete and invalid ones are skipped.
func (a *advice) take(b []byte, zone string, now time.Time) {
	for len(b) >= 8 {
		size := 8 * int(b[1])
		if size == 0 || size > len(b) {
			return
		}
		until := now.Add(time.Duration(binary.BigEndian.Uint32(b[4:8])) * time.Second)
		var bad []string // router advertisements are periodic: logging each would fill the console
		switch b[0] {
		case optionRDNSS:
			a.dns = renewed(a.dns, outside.Hosts("", servers(b[8:size], zone), &bad), until, now, outside.MostServers)
		case optionDNSSL:
			a.search = renewed(a.search, outside.Domains(namesOf(b[8:size]), &bad), until, now, outside.MostDomains)
		}
		b = b[size:]
	}
}

func servers(b []byte, zone string) (out []netip.Addr) {
	for ; len(b) >= 16; b = b[16:] {
		a := netip.AddrFrom16([16]byte(b))
		if a.IsLinkLocalUnicast() {
			a = a.WithZone(zone)
		}
		out = append(out, a)
	}
	return out
}

// namesOf decodes DNS names without compression (RFC 1035, section 3.1).
func namesOf(b []byte) (out []string) {
	var labels []string
	for len(b) > 0 {
		n := int(b[0])
		switch {
		case n == 0 && labels != nil:
			out, labels = append(out, strings.Join(labels, ".")), nil
		case n > 63 || n >= len(b):
			return out
		case n > 0:
			labels = append(labels, string(b[1:1+n]))
		}
		b = b[1+n:]
	}
	return out
}

// renewed updates the lifetime of known words, adds new ones, and drops expired ones and those beyond the limit.
func renewed(have []word, said []string, until, now time.Time, most int) (out []word) {
	for _, w := range have {
		if slices.Contains(said, w.text) {
			w.until = until
		}
		if w.until.After(now) {
			out = append(out, w)
		}
	}
	for _, s := range said {
		known := slices.ContainsFunc(out, func(w word) bool { return w.text == s })
		if !known && len(out) < most && until.After(now) {
			out = append(out, word{s, until})
		}
	}
	return out
}

// Timing of router solicitations (RFC 4861, section 10), with a shorter interval because the machine waits.
const (
	solicits     = 3
	solicitPause = 2 * time.Second
)

// solicit sends router solicitations after the cable was plugged in. The kernel does so only when an interface is set
// up.
func (m *Manager) solicit(ctx context.Context, l plan.Link) {
	before := endings(l)
	for range solicits {
		if err := askRouters(l); err != nil {
			return // no IPv6, or the cable was unplugged
		}
		if wait.For(ctx, nil, solicitPause) == wait.Gone {
			return
		}
	}
	m.retireUnconfirmed(l, before)
}

// endings returns the expiry of each address from router advertisements.
func endings(l netlink.Link) map[string]time.Time {
	out := map[string]time.Time{}
	list, _ := netlink.AddrList(l, netlink.FAMILY_V6) // the interface may have been removed
	for _, a := range list {
		forEver := a.ValidLft <= 0 || a.ValidLft >= math.MaxInt32
		if a.Flags&unix.IFA_F_PERMANENT == 0 && a.IP.IsGlobalUnicast() && !forEver {
			out[a.IPNet.String()] = time.Now().Add(time.Duration(a.ValidLft) * time.Second)
		}
	}
	return out
}

// retireUnconfirmed deprecates earlier addresses that no router has renewed since routers have answered: they belong to
// another network. New connections do not use them; existing ones continue as far as possible.
func (m *Manager) retireUnconfirmed(l plan.Link, before map[string]time.Time) {
	const told = 2 * time.Second // the kernel counts in seconds
	now, old := endings(l), []string{}
	for text, end := range now {
		if was, known := before[text]; known && end.Sub(was) < told {
			old = append(old, text)
		}
	}
	if len(old) == len(now) {
		return
	}
	for _, text := range old {
		if a, err := netlink.ParseAddr(text); err == nil {
			a.ValidLft = max(int(time.Until(now[text]).Seconds()), 1) // and no preferred lifetime
			_ = links.Apply(m.sys, l, []plan.Op{plan.PutAddress(*a)}) // it may have expired meanwhile
		}
	}
}

// askRouters sends a router solicitation (RFC 4861, section 4.1) to all routers; the kernel computes the checksum and
// chooses the link-local address.
func askRouters(l netlink.Link) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	ask := []byte{133, 0, 0, 0, 0, 0, 0, 0}
	if mac := l.Attrs().HardwareAddr; len(mac) == 6 {
		ask = append(append(ask, 1, 1), mac...) // source link-layer address option
	}
	to := &unix.SockaddrInet6{ZoneId: uint32(l.Attrs().Index), Addr: [16]byte(net.IPv6linklocalallrouters)}
	return unix.Sendto(fd, ask, 0, to)
}

// doubt shortens the lifetime of name servers from routers unless they are renewed: the cable was plugged in, and
// solicitations are sent.
func (m *Manager) doubt(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	soon := time.Now().Add(forgetEvery)
	for _, list := range [][]word{m.advice[name].dns, m.advice[name].search} {
		for i := range list {
			if list[i].until.After(soon) {
				list[i].until = soon
			}
		}
	}
}

func valid(list []word, now time.Time) (out []string) {
	for _, w := range list {
		if w.until.After(now) {
			out = append(out, w.text)
		}
	}
	return out
}
