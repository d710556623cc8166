package netup

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// advert returns a router advertisement (RFC 4861, section 4.2) with a prefix (4.6.2) and the given options.
func advert(prefix string, options ...[]byte) []byte {
	b := []byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0} // the kernel computes the checksum; router lifetime 1800 s
	p := netip.MustParsePrefix(prefix)
	b = append(b, 3, 4, byte(p.Bits()), 0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0) // on link, autonomous; 3600 s, preferred 1800 s
	a := p.Addr().As16()
	b = append(b, a[:]...)
	for _, o := range options {
		b = append(b, o...)
	}
	return b
}

// option returns an option of RFC 8106: RDNSS if body has addresses, DNSSL if it has names; padded as neighbour
// discovery requires.
func option(kind byte, lifetime uint32, body []byte) []byte {
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	b := append([]byte{kind, byte(1 + len(body)/8), 0, 0}, binary.BigEndian.AppendUint32(nil, lifetime)...)
	return append(b, body...)
}

func rdnss(lifetime uint32, servers ...string) []byte {
	var body []byte
	for _, s := range servers {
		body = append(body, netip.MustParseAddr(s).AsSlice()...)
	}
	return option(optionRDNSS, lifetime, body)
}

func dnssl(lifetime uint32, names ...string) []byte {
	var body []byte
	for _, n := range names {
		for _, l := range strings.Split(n, ".") {
			body = append(append(body, byte(len(l))), l...)
		}
		body = append(body, 0)
	}
	return option(optionDNSSL, lifetime, body)
}

// router sends advertisements into the cable, and one for each solicitation.
func router(t *testing.T, f *far, name string, say func() []byte) (send func()) {
	t.Helper()
	l := f.link(t, name)
	var fd int
	f.there(t, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		return err
	})
	t.Cleanup(func() { unix.Close(fd) })
	must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255))
	must(t, unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
		&unix.IPv6Mreq{Multiaddr: [16]byte(net.ParseIP("ff02::2")), Interface: uint32(l.Attrs().Index)}))
	send = func() {
		to := &unix.SockaddrInet6{ZoneId: uint32(l.Attrs().Index), Addr: [16]byte(net.IPv6linklocalallnodes)}
		_ = unix.Sendto(fd, say(), 0, to) // fails while the cable is unplugged
	}
	go func() {
		b := make([]byte, 1500)
		for {
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err != nil && err != syscall.EINTR {
				return
			}
			if n > 0 && b[0] == 133 {
				send()
			}
		}
	}()
	return send
}

// TestRouter: an IPv6-only network, on a machine that forwards, as every node does. The kernel configures address and
// default route if the sysctls are set; name servers and domains are handled here.
func TestRouter(t *testing.T) {
	if !inside(t) {
		return
	}
	l, f := wire(t, 0, "fe80::1/64")
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644))
	device(t, l.Name())
	c := &client{link: l, far: f}
	c.Manager = New(sys.Linux{}, with(config.Network{DNS: []string{"192.0.2.53"}}), "edge-7", resolvConf(t), c.note)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	say := advert("2001:db8:1::/64", rdnss(600, "2001:db8:1::53", "ff02::1", "fe80::1"), dnssl(600, "lan", "a b\nnameserver 6.6.6.6"))
	send := router(t, f, "p0-net", func() []byte { return say })
	must(t, c.Manager.Up(ctx))
	c.until(t, "an address by the router's word", func() bool {
		for _, a := range Addresses() {
			if strings.HasPrefix(a.Address, "2001:db8:1:") {
				return hasRoute()
			}
		}
		return false
	})
	const want = "# written by proa from config and what the networks say\nsearch lan\nnameserver 192.0.2.53\nnameserver 2001:db8:1::53\nnameserver fe80::1%p0-dev\n"
	c.until(t, "its name servers and domain", func() bool { return c.resolv() == want })
	say = advert("2001:db8:1::/64", rdnss(0, "2001:db8:1::53"))
	send()
	c.until(t, "a server that is taken back to be gone", func() bool { return !strings.Contains(c.resolv(), "2001:db8:1::53") })

	say = advert("2001:db8:2::/64", rdnss(600, "2001:db8:2::53"))
	end := f.link(t, "p0-net")
	f.there(t, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/p0-net/keep_addr_on_down", []byte("1"), 0o644)
	})
	must(t, f.LinkSetDown(end))
	time.Sleep(300 * time.Millisecond)
	must(t, f.LinkSetUp(end))
	c.until(t, "the server of the network that the cable is in now, alone", func() bool {
		return strings.Contains(c.resolv(), "2001:db8:2::53") && !strings.Contains(c.resolv(), "fe80::1%")
	})
	c.until(t, "the other network's address to be left alone", func() bool { return deprecated(t, l, "2001:db8:1:") })
	if deprecated(t, l, "2001:db8:2:") {
		t.Error("the address of this network is left alone too")
	}
}

// deprecated says whether the address is deprecated.
func deprecated(t *testing.T, l plan.Link, prefix string) bool {
	t.Helper()
	list, err := netlink.AddrList(l, netlink.FAMILY_V6)
	must(t, err)
	for _, a := range list {
		if strings.HasPrefix(a.IP.String(), prefix) {
			return a.Flags&unix.IFA_F_DEPRECATED != 0
		}
	}
	t.Errorf("no address of %s", prefix)
	return false
}

// TestUsersSysctl: the user's sysctl of an interface is set when that appears after the boot step, too.
func TestUsersSysctl(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "fe80::1/64")
	for want, sysctls := range map[string]map[string]string{
		"2\n": nil, "0\n": {"net.ipv6.conf.p0-dev.accept_ra": "0"}, "1\n": {"net/ipv6/conf/all/accept_ra": "1"},
	} {
		applied(t, &config.Config{Sysctls: sysctls}, l)
		if got, err := os.ReadFile("/proc/sys/net/ipv6/conf/p0-dev/accept_ra"); err != nil || string(got) != want {
			t.Errorf("%v: %q, %v", sysctls, got, err)
		}
	}
}

// hasRoute says whether there is a default route.
func hasRoute() bool { any, _ := DefaultRoutes(); return any }

// TestDefaultRoute: which routes count as a default route, and which as one of IPv4.
func TestDefaultRoute(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	for _, c := range []struct {
		s         config.Interface
		any, ipv4 bool
	}{
		{config.Interface{Addresses: []string{"10.9.0.2/24", "fd00::2/64"}}, false, false},
		{config.Interface{Addresses: []string{"10.9.0.2/24"}, Gateway: "10.9.0.1"}, true, true},
		{config.Interface{Addresses: []string{"10.9.0.2/24", "fd00::2/64"}, Gateway: "fd00::1"}, true, false},
		{config.Interface{Addresses: []string{"10.9.0.2/24"}, Routes: []config.Route{{To: "10.0.0.0/8", Via: "10.9.0.1"}}}, false, false},
	} {
		applied(t, with(config.Network{Interfaces: map[string]config.Interface{l.Name(): c.s}}), l)
		if any, ipv4 := DefaultRoutes(); any != c.any || ipv4 != c.ipv4 {
			t.Errorf("%+v: %t, IPv4 %t", c.s, any, ipv4)
		}
		must(t, netlink.LinkSetDown(l)) // removes the routes too
		list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		must(t, err)
		for _, a := range list {
			must(t, netlink.AddrDel(l, &a))
		}
	}
}

// FuzzAdvice feeds router advertisements to the code that writes resolv.conf.
func FuzzAdvice(f *testing.F) {
	f.Add(rdnss(600, "2001:db8::53"))
	f.Add(append(dnssl(600, "lan", "x\ny"), rdnss(0xffffffff, "::", "fe80::1")...))
	f.Add([]byte{25, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(sys.Linux{}, with(config.Network{DNS: []string{"192.0.2.53"}}), "h", "", t.Logf)
		var a advice
		for range 3 {
			a.take(b, "eth0", time.Now())
		}
		m.advice["eth0"] = a
		sound(t, m.Resolv(), 1)
	})
}
