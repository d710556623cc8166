package netup

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/nettest"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// inside says whether this process runs in the test's namespaces, see nettest.Inside.
func inside(t *testing.T) bool {
	t.Helper()
	return nettest.Inside(t, syscall.CLONE_NEWNS, "-test.parallel=8")
}

// ownSysfs mounts the sysfs of the test's network namespace: that of the host shows the host's interfaces.
func ownSysfs(t *testing.T) {
	t.Helper()
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		t.Skipf("no sysfs here: %v", err)
	}
}

// wire creates a veth pair: N-dev, which is returned, and N-net in the returned namespace, with the address peer.
func wire(t *testing.T, n int, peer string) (plan.Link, *far) {
	t.Helper()
	dev, other := fmt.Sprintf("p%d-dev", n), fmt.Sprintf("p%d-net", n)
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: dev}, PeerName: other})
	if err != nil {
		t.Skipf("no veth pair here: %v", err)
	}
	l, err := netlink.LinkByName(dev)
	must(t, err)
	f := elsewhere(t)
	end, err := netlink.LinkByName(other)
	must(t, err)
	must(t, netlink.LinkSetNsFd(end, int(f.ns)))
	f.addr(t, other, peer)
	return plan.Link{Link: l, Kind: plan.Wired}, f
}

// far is the other end of cables, in a namespace of its own, so that packets really go through the cable.
type far struct {
	*netlink.Handle
	ns netns.NsHandle
}

func elsewhere(t *testing.T) *far {
	t.Helper()
	f := &far{}
	within(t, func() error {
		ns, err := netns.New()
		f.ns = ns
		return err
	})
	t.Cleanup(func() { f.ns.Close() })
	h, err := netlink.NewHandleAt(f.ns, unix.NETLINK_ROUTE)
	must(t, err)
	f.Handle = h
	lo, err := h.LinkByName("lo")
	must(t, err)
	must(t, h.LinkSetUp(lo))
	return f
}

// within runs do on a thread that ends afterwards.
func within(t *testing.T, do func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- do()
	}()
	must(t, <-done)
}

// there runs do in the namespace: sockets created in it stay there.
func (f *far) there(t *testing.T, do func() error) {
	t.Helper()
	within(t, func() error {
		if err := netns.Set(f.ns); err != nil {
			return err
		}
		return do()
	})
}

func (f *far) link(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := f.LinkByName(name)
	must(t, err)
	return l
}

func (f *far) addr(t *testing.T, name, a string) {
	t.Helper()
	parsed, err := netlink.ParseAddr(a)
	must(t, err)
	l := f.link(t, name)
	must(t, f.AddrAdd(l, parsed))
	must(t, f.LinkSetUp(l))
}

// applied carries out the plan for an interface.
func applied(t *testing.T, c *config.Config, l plan.Link) {
	t.Helper()
	must(t, links.Apply(sys.Linux{}, l, plan.Interface(c, l)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a DHCP server whose behaviour a test can change.
type server struct {
	mu       sync.Mutex
	id       byte // its address
	host     byte // last byte of the address it leases
	net      net.IP
	lease    time.Duration
	nak      bool // NAK the next request
	mute     bool
	deaf     bool // ignore requests for other addresses; otherwise NAK them
	terse    bool // send only the required options in answers to renewals
	options  []dhcpv4.Modifier
	seen     []dhcpv4.MessageType
	requests []*dhcpv4.DHCPv4
}

func (s *server) start(t *testing.T, f *far, iface string) {
	t.Helper()
	if s.id == 0 {
		s.id = 1
	}
	var srv *server4.Server
	f.there(t, func() (err error) {
		srv, err = server4.NewServer(iface, &net.UDPAddr{Port: dhcpv4.ServerPort}, s.answer)
		return err
	})
	t.Cleanup(func() { srv.Close() })
	go srv.Serve()
}

func (s *server) ip(host byte) net.IP { return net.IPv4(s.net[0], s.net[1], s.net[2], host) }

func (s *server) answer(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.requests = append(s.seen, m.MessageType()), append(s.requests, m)
	kind, say := s.verdict(m)
	if !say {
		return
	}
	reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(s.ip(s.id)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(s.ip(s.id))))
	if err != nil {
		return
	}
	if kind != dhcpv4.MessageTypeNak {
		s.fill(m, reply)
	}
	to := &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
	if !m.ClientIPAddr.IsUnspecified() { // RFC 2131, section 4.1
		to.IP = m.ClientIPAddr
	}
	conn.WriteTo(reply.ToBytes(), to)
}

func (s *server) verdict(m *dhcpv4.DHCPv4) (kind dhcpv4.MessageType, say bool) {
	asked := m.ClientIPAddr
	if r := m.RequestedIPAddress(); r != nil {
		asked = r
	}
	foreign := !asked.Equal(s.ip(s.host)) || m.ServerIdentifier() != nil && !m.ServerIdentifier().Equal(s.ip(s.id))
	switch {
	case s.mute, m.MessageType() == dhcpv4.MessageTypeDecline:
		return 0, false
	case m.MessageType() != dhcpv4.MessageTypeRequest:
		return dhcpv4.MessageTypeOffer, true
	case m.ServerIdentifier() != nil && foreign, foreign && s.deaf:
		return 0, false
	case foreign, s.nak:
		s.nak = false
		return dhcpv4.MessageTypeNak, true
	}
	return dhcpv4.MessageTypeAck, true
}

func (s *server) fill(m, reply *dhcpv4.DHCPv4) {
	all := []dhcpv4.Modifier{dhcpv4.WithYourIP(s.ip(s.host)), dhcpv4.WithLeaseTime(uint32(s.lease.Seconds()))}
	if !s.terse || m.ClientIPAddr.IsUnspecified() {
		all = append(all, dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithRouter(s.ip(254)), dhcpv4.WithDNS(s.ip(s.host+1)))
	}
	for _, o := range append(all, s.options...) {
		o(reply)
	}
}

func (s *server) change(do func()) { s.mu.Lock(); defer s.mu.Unlock(); do() }

func (s *server) count(kind dhcpv4.MessageType) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.seen {
		if k == kind {
			n++
		}
	}
	return n
}

// client is a manager with one interface.
type client struct {
	*Manager
	link plan.Link
	far  *far
	mu   sync.Mutex
	said string
}

func (c *client) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c.Manager = New(sys.Linux{}, with(config.Network{}), "edge-7", resolvConf(t), c.note)
	c.begin(ctx, c.link)
	t.Cleanup(func() { stop(); c.running.Wait() })
}

func (c *client) note(f string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said += fmt.Sprintf(f, a...) + "\n"
}

func (c *client) log() string { c.mu.Lock(); defer c.mu.Unlock(); return c.said }

func (c *client) addrs() (out string) {
	var of netlink.Link // nil: of all interfaces
	if c.link.Link != nil {
		of = c.link
	}
	list, _ := netlink.AddrList(of, netlink.FAMILY_V4)
	for _, a := range list {
		out += a.IPNet.String() + " "
	}
	return strings.TrimSpace(out)
}

func (c *client) resolv() string { b, _ := os.ReadFile(c.Manager.resolv); return string(b) }

func (c *client) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	list, err := links.List()
	for _, l := range list {
		t.Logf("%d %s %s kind %d alias %q up %t master %d", l.Attrs().Index, l.Name(), l.Type(), l.Kind, l.Attrs().Alias,
			l.Attrs().Flags&net.FlagUp != 0, l.Attrs().MasterIndex)
	}
	t.Fatalf("waited for %s; addresses %q, links %v, said:\n%s", what, c.addrs(), err, c.log())
}

// TestDHCP uses a real server over a cable. The parts run in parallel, since each waits for timers of the protocol.
func TestDHCP(t *testing.T) {
	if !inside(t) {
		return
	}
	for n, part := range []struct {
		name string
		do   func(t *testing.T, c *client, s *server)
	}{{"lease", lease}, {"renew", renew}, {"refused", refused}, {"silence", silence}, {"late", late}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			s := &server{net: net.IP{10, 9, byte(n), 0}, host: 15, lease: time.Hour}
			l, f := wire(t, n, s.ip(1).String()+"/24")
			c := &client{link: l, far: f}
			part.do(t, c, s)
		})
	}
}

func (s *server) near(c *client) string { return strings.Replace(c.link.Name(), "dev", "net", 1) }

// lease also checks that default routes of other interfaces do not replace this one's.
func lease(t *testing.T, c *client, s *server) {
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "an address", func() bool {
		return c.addrs() == s.ip(15).String()+"/24" && strings.Contains(c.resolv(), "nameserver "+s.ip(16).String())
	})
	c.until(t, "the default route", func() bool {
		routes, err := netlink.RouteList(c.link, netlink.FAMILY_V4)
		for _, r := range routes {
			if r.Gw.Equal(s.ip(254)) && r.Priority == 1024+c.link.Attrs().Index && err == nil {
				return true
			}
		}
		return false
	})
	list, _ := netlink.AddrList(c.link, netlink.FAMILY_V4)
	if len(list) != 1 || list[0].ValidLft < 3500 || list[0].ValidLft > 3600 {
		t.Errorf("the address outlives its lease: %v", list)
	}
}

func renew(t *testing.T, c *client, s *server) {
	s.lease = 10 * time.Second
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "an address", func() bool { return c.addrs() != "" })
	before := s.count(dhcpv4.MessageTypeDiscover)
	c.until(t, "two renewals", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 3 })
	if n := s.count(dhcpv4.MessageTypeDiscover) - before; n != 0 || c.addrs() != s.ip(15).String()+"/24" {
		t.Errorf("%d more discovers, addresses %q", n, c.addrs())
	}
}

// refused: after a NAK the old address and its name servers are removed, and another address is requested.
func refused(t *testing.T, c *client, s *server) {
	s.lease = 10 * time.Second
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "an address", func() bool { return c.addrs() != "" })
	s.change(func() { s.nak, s.host = true, 77 })
	c.until(t, "another address", func() bool { return c.addrs() == s.ip(77).String()+"/24" })
	if !strings.Contains(c.log(), "lost "+s.ip(15).String()) {
		t.Errorf("said:\n%s", c.log())
	}
	c.until(t, "its name server", func() bool {
		return strings.Contains(c.resolv(), s.ip(78).String()) && !strings.Contains(c.resolv(), s.ip(16).String())
	})
}

// silence: if the server is gone the address is removed when the lease expires, and not before; then it is requested
// again.
func silence(t *testing.T, c *client, s *server) {
	s.lease = 12 * time.Second
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "an address", func() bool { return c.addrs() != "" })
	began := time.Now()
	s.change(func() { s.mute = true })
	c.until(t, "the loss", func() bool { return strings.Contains(c.log(), "lost ") })
	if took := time.Since(began); took < 10*time.Second || c.addrs() != "" {
		t.Errorf("lost after %s, addresses %q", took, c.addrs())
	}
	c.until(t, "no name server", func() bool { return !strings.Contains(c.resolv(), "nameserver") })
	s.change(func() { s.mute = false })
	c.until(t, "it again", func() bool { return c.addrs() == s.ip(15).String()+"/24" })
}

// late: if DHCP fails it is logged once, retried, and there is an address soon after the server starts.
func late(t *testing.T, c *client, s *server) {
	c.run(t)
	c.until(t, "the complaint", func() bool { return strings.Contains(c.log(), "asking again for ever") })
	time.Sleep(2 * time.Second)
	s.start(t, c.far, s.near(c))
	c.until(t, "an address", func() bool { return c.addrs() == s.ip(15).String()+"/24" })
	if n := strings.Count(c.log(), "asking again"); n != 1 {
		t.Errorf("complained %d times", n)
	}
}

// TestUpDoesNotWait: without any answer, and with an interface that does not exist, Up returns at once.
func TestUpDoesNotWait(t *testing.T) {
	if !inside(t) {
		return
	}
	wire(t, 0, "10.9.0.1/24")
	m := New(sys.Linux{}, with(config.Network{Interfaces: map[string]config.Interface{"eth7": {}}}), "edge-7", resolvConf(t), t.Logf)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	began := time.Now()
	err := m.Up(ctx)
	if took := time.Since(began); took > 2*time.Second || err == nil || !strings.Contains(err.Error(), "no interface eth7; there is none yet") {
		t.Errorf("%s, %v", took, err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil || lo.Attrs().Flags&net.FlagUp == 0 {
		t.Errorf("loopback is down: %v", err)
	}
}

// TestStatic: addresses and routes as configured; a wrong route is reported and affects nothing else.
func TestStatic(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	c := with(config.Network{Interfaces: map[string]config.Interface{l.Name(): {
		Addresses: []string{"10.9.0.2/24", "fd00::2/64"}, Gateway: "10.9.0.254", MTU: 1400,
		Routes: []config.Route{{To: "10.50.0.0/16", Via: "192.0.2.1"}, {To: "10.60.0.0/16", Via: "10.9.0.254", Metric: 7}}}}})
	err := links.Apply(sys.Linux{}, l, plan.Interface(c, l))
	if err == nil || !strings.Contains(err.Error(), "10.50.0.0/16") || strings.Contains(err.Error(), "10.60.0.0/16") {
		t.Errorf("the unreachable route: %v", err)
	}
	l, err = links.ByName(l.Name())
	if err != nil || l.Attrs().MTU != 1400 || l.Attrs().Flags&net.FlagUp == 0 {
		t.Errorf("%+v %v", l.Attrs(), err)
	}
	routes, err := netlink.RouteList(l, netlink.FAMILY_V4)
	must(t, err)
	got := map[string]int{}
	for _, r := range routes {
		got[fmt.Sprintf("%s via %s", r.Dst, r.Gw)] = r.Priority
	}
	for want, metric := range map[string]int{"0.0.0.0/0 via 10.9.0.254": 100, "10.60.0.0/16 via 10.9.0.254": 7} {
		if have, there := got[want]; !there || have != metric {
			t.Errorf("no %s with metric %d; there are %v", want, metric, got)
		}
	}
	if addrs, _ := netlink.AddrList(l, netlink.FAMILY_V6); !strings.Contains(fmt.Sprint(addrs), "fd00::2/64") {
		t.Errorf("%v", addrs)
	}
	if !hasRoute() {
		t.Error("the default route is not seen")
	}
}

// TestYield: the routes of an unplugged cable are ignored only if there may be a Wi-Fi adapter.
func TestYield(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	for want, cfg := range map[string]config.Network{"0\n": {}, "1\n": {WiFi: []config.WiFi{{Name: "Harbour"}}}} {
		file := "/proc/sys/net/ipv4/conf/" + l.Name() + "/ignore_routes_with_linkdown"
		must(t, os.WriteFile(file, []byte("0"), 0o644))
		applied(t, with(cfg), l)
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%+v: %q, %v", cfg, got, err)
		}
	}
}

// resolvConf returns a file for the name servers. A manager may still be writing it when its context ends, so removing
// its directory is retried.
func resolvConf(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "resolv")
	must(t, err)
	t.Cleanup(func() {
		for range 50 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(err)
	})
	return filepath.Join(dir, "resolv.conf")
}
