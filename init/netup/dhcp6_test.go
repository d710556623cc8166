package netup

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/dhcpv6/server6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// server6er is a DHCPv6 server whose behaviour a test can change.
type server6er struct {
	mu    sync.Mutex
	host  string // the address it leases
	id    byte   // its DUID
	valid time.Duration
	mute  bool
	no    iana.StatusCode // answer to Confirm, Renew and Rebind
	seen  []dhcpv6.MessageType
	last  *dhcpv6.Message
}

func (s *server6er) start(t *testing.T, f *far, iface string) {
	t.Helper()
	var srv *server6.Server
	f.there(t, func() (err error) {
		srv, err = server6.NewServer(iface, nil, s.answer)
		return err
	})
	t.Cleanup(func() { srv.Close() })
	go srv.Serve()
}

func (s *server6er) answer(conn net.PacketConn, peer net.Addr, m dhcpv6.DHCPv6) {
	s.mu.Lock()
	defer s.mu.Unlock()
	msg, is := m.(*dhcpv6.Message)
	if !is || s.mute {
		return
	}
	s.seen, s.last = append(s.seen, msg.MessageType), msg
	id := &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, s.id}}
	if want := msg.Options.ServerID(); want != nil && !want.Equal(id) {
		return
	}
	reply, err := dhcpv6.NewReplyFromMessage(msg, dhcpv6.WithServerID(id))
	if msg.MessageType == dhcpv6.MessageTypeSolicit {
		reply, err = dhcpv6.NewAdvertiseFromSolicit(msg, dhcpv6.WithServerID(id))
	}
	if err != nil {
		return
	}
	switch {
	case msg.MessageType == dhcpv6.MessageTypeConfirm && s.no != 0:
		reply.AddOption(&dhcpv6.OptStatusCode{StatusCode: s.no})
	case msg.MessageType == dhcpv6.MessageTypeRenew && s.no != 0, msg.MessageType == dhcpv6.MessageTypeRebind && s.no != 0:
		ia := &dhcpv6.OptIANA{IaId: msg.Options.OneIANA().IaId}
		ia.Options.Add(&dhcpv6.OptStatusCode{StatusCode: s.no})
		reply.AddOption(ia)
		s.no = 0
	default:
		ia := &dhcpv6.OptIANA{IaId: msg.Options.OneIANA().IaId}
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP(s.host), PreferredLifetime: s.valid, ValidLifetime: s.valid})
		reply.AddOption(ia)
		dhcpv6.WithDNS(net.ParseIP("fd00::53"))(reply)
		dhcpv6.WithDomainSearchList("lan")(reply)
	}
	_, _ = conn.WriteTo(reply.ToBytes(), peer)
}

func (s *server6er) change(do func()) { s.mu.Lock(); defer s.mu.Unlock(); do() }

func (s *server6er) count(kind dhcpv6.MessageType) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.seen {
		if k == kind {
			n++
		}
	}
	return n
}

// TestDHCP6 uses a real server over a cable. The parts run in parallel, since each waits for timers of the protocol.
func TestDHCP6(t *testing.T) {
	if !inside(t) {
		return
	}
	off := false
	for n, part := range []struct {
		name string
		do   func(t *testing.T, c *client, s *server6er)
	}{{"lease", lease6}, {"renew", renew6}, {"rebind", rebind6}, {"refused", refused6}, {"another network", moved6}, {"silence", silence6}, {"late", late6}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			s := &server6er{host: "fd00::15", id: 1, valid: time.Hour}
			l, f := wire(t, n, "10.9.0.1/24")
			c := &client{link: l, far: f}
			cfg := with(config.Network{Interfaces: map[string]config.Interface{l.Name(): {DHCP: &off, DHCP6: true}}})
			c.Manager = New(sys.Linux{}, cfg, "edge-7", resolvConf(t), c.note)
			c.begin(t.Context(), l)
			t.Cleanup(c.running.Wait)
			part.do(t, c, s)
		})
	}
}

func (s *server6er) bound(t *testing.T, c *client) {
	t.Helper()
	s.start(t, c.far, strings.Replace(c.link.Name(), "dev", "net", 1))
	c.until(t, "an address", has(c.link.Name(), s.host+"/128"))
}

func lease6(t *testing.T, c *client, s *server6er) {
	s.bound(t, c)
	c.until(t, "its name server and domain", func() bool {
		return strings.Contains(c.resolv(), "nameserver fd00::53\n") && strings.Contains(c.resolv(), "search lan\n")
	})
	list, err := netlink.AddrList(c.link, netlink.FAMILY_V6)
	must(t, err)
	for _, a := range list {
		if a.IP.String() == s.host && (a.ValidLft < 3500 || a.ValidLft > 3600) {
			t.Errorf("the address outlives its lease: %v", a)
		}
	}
	off := false
	must(t, c.Change(t.Context(), with(config.Network{Interfaces: map[string]config.Interface{c.link.Name(): {DHCP: &off, Optional: true}}})))
	if s.count(dhcpv6.MessageTypeRelease) != 1 || has(c.link.Name(), s.host+"/128")() || strings.Contains(c.resolv(), "fd00::53") {
		t.Errorf("%d releases, %s", s.count(dhcpv6.MessageTypeRelease), c.resolv())
	}
}

func renew6(t *testing.T, c *client, s *server6er) {
	s.valid = 10 * time.Second
	s.bound(t, c)
	before := s.count(dhcpv6.MessageTypeSolicit) // one, or more if the server was slow
	c.until(t, "two renewals", func() bool { return s.count(dhcpv6.MessageTypeRenew) >= 2 })
	if n := s.count(dhcpv6.MessageTypeSolicit) - before; n != 0 || !has(c.link.Name(), s.host+"/128")() {
		t.Errorf("%d more solicits", n)
	}
}

// rebind6: another server extends the lease.
func rebind6(t *testing.T, c *client, s *server6er) {
	s.valid = 15 * time.Second
	s.bound(t, c)
	s.change(func() { s.id = 2 })
	c.until(t, "the other server's answer", func() bool { return s.count(dhcpv6.MessageTypeRebind) >= 1 })
	c.until(t, "a renewal from it", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.last.MessageType == dhcpv6.MessageTypeRenew && s.last.Options.ServerID().(*dhcpv6.DUIDLL).LinkLayerAddr[5] == 2
	})
	if !has(c.link.Name(), s.host+"/128")() {
		t.Error("the address is gone")
	}
}

// refused6: after NoBinding the address is dropped, and another one is requested.
func refused6(t *testing.T, c *client, s *server6er) {
	s.valid = 10 * time.Second
	s.bound(t, c)
	s.change(func() { s.host, s.no = "fd00::77", iana.StatusNoBinding })
	c.until(t, "another address", has(c.link.Name(), "fd00::77/128"))
	if has(c.link.Name(), "fd00::15/128")() || !strings.Contains(c.log(), "lost fd00::15") {
		t.Errorf("said:\n%s", c.log())
	}
}

// moved6: after the cable was plugged into another network, its server says that the address is not of it.
func moved6(t *testing.T, c *client, s *server6er) {
	s.bound(t, c)
	before := s.count(dhcpv6.MessageTypeSolicit)
	c.poke(c.link.Name())
	c.until(t, "the question", func() bool { return s.count(dhcpv6.MessageTypeConfirm) == 1 })
	time.Sleep(500 * time.Millisecond)
	if !has(c.link.Name(), s.host+"/128")() || s.count(dhcpv6.MessageTypeSolicit) != before {
		t.Error("the same network: the address was not kept")
	}
	s.change(func() { s.host, s.id, s.no = "fd09::33", 3, iana.StatusNotOnLink })
	c.poke(c.link.Name())
	c.until(t, "the address of the other network", has(c.link.Name(), "fd09::33/128"))
	if has(c.link.Name(), "fd00::15/128")() {
		t.Error("the old address is there still")
	}
}

// silence6: without a server the address is kept until its lease ends.
func silence6(t *testing.T, c *client, s *server6er) {
	s.valid = 12 * time.Second
	s.bound(t, c)
	began := time.Now()
	s.change(func() { s.mute = true })
	c.until(t, "the loss", func() bool { return strings.Contains(c.log(), "lost fd00::15") })
	if took := time.Since(began); took < 10*time.Second {
		t.Errorf("lost after %s", took)
	}
	s.change(func() { s.mute = false })
	c.until(t, "it again", has(c.link.Name(), s.host+"/128"))
}

// late6: what fails is logged once, and retried.
func late6(t *testing.T, c *client, s *server6er) {
	c.until(t, "the complaint", func() bool { return strings.Contains(c.log(), "retrying") })
	s.bound(t, c)
	if n := strings.Count(c.log(), "retrying"); n != 1 {
		t.Errorf("complained %d times", n)
	}
}
