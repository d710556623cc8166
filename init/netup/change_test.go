package netup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/sys"
)

// TestChange: what a changed configuration does to a lease and to static addresses, without a restart. The parts run in
// parallel, since some wait for timers of the protocol.
func TestChange(t *testing.T) {
	if !inside(t) {
		return
	}
	for n, part := range []struct {
		name string
		do   func(t *testing.T, c *client, s *server)
	}{{"other keys", otherKeys}, {"off and on", offAndOn}, {"another address", anotherAddress}, {"to and fro", toAndFro}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			s := &server{net: net4(n), host: 15, lease: 10 * time.Minute}
			l, f := wire(t, n, s.ip(1).String()+"/24")
			part.do(t, &client{link: l, far: f}, s)
		})
	}
}

func net4(n int) []byte { return []byte{10, 9, byte(n), 0} }

// to applies settings for the client's interface.
func (c *client) to(t *testing.T, settings string) {
	t.Helper()
	cfg := network(t, fmt.Sprintf("%s: %s", c.link.Name(), settings))
	if err := c.Change(t.Context(), cfg); err != nil && !strings.Contains(err.Error(), "no interface") { // none has a device here
		t.Errorf("%s: %v", settings, err)
	}
}

func (c *client) defaultRoute(t *testing.T, metric int) func() bool {
	return func() bool {
		routes, err := netlink.RouteList(c.link, netlink.FAMILY_V4)
		must(t, err)
		n, found := 0, false
		for _, r := range routes {
			if r.Gw != nil {
				n++
				found = found || r.Priority == metric
			}
		}
		return found && n == 1
	}
}

// otherKeys: the lease is kept all the time, and nobody asks the server.
func otherKeys(t *testing.T, c *client, s *server) {
	e := bound(t, c, s)
	c.until(t, "a default route", c.defaultRoute(t, 1024+c.link.Attrs().Index))
	before := len(s.seen)
	c.to(t, "{metric: 77, mtu: 1400, dns: [10.9.9.9]}")
	if !c.defaultRoute(t, 77)() || !strings.Contains(c.resolv(), "nameserver 10.9.9.9\nnameserver "+s.ip(16).String()) {
		t.Errorf("the default route has no metric 77, or no name server in order: %s", c.resolv())
	}
	if l, err := netlink.LinkByName(c.link.Name()); err != nil || l.Attrs().MTU != 1400 {
		t.Errorf("%v, %v", l, err)
	}
	c.to(t, "{}")
	if l, err := netlink.LinkByName(c.link.Name()); err != nil || l.Attrs().MTU != 1500 || !c.defaultRoute(t, 1024+c.link.Attrs().Index)() {
		t.Errorf("not as before: %v, %v", l, err)
	}
	s.change(func() {
		if len(s.seen) != before || strings.Contains(e.String(), "-") {
			t.Errorf("the server was asked, or the address dropped: %v, %s", s.seen, e)
		}
	})
}

func offAndOn(t *testing.T, c *client, s *server) {
	bound(t, c, s)
	c.to(t, "{addresses: ["+s.ip(50).String()+"/24]}")
	if c.addrs() != s.ip(50).String()+"/24" || strings.Contains(c.resolv(), "nameserver") {
		t.Errorf("%s, %s", c.addrs(), c.resolv())
	}
	before := s.count(dhcpv4.MessageTypeRequest)
	c.poke(c.link.Name())
	time.Sleep(500 * time.Millisecond)
	if s.count(dhcpv4.MessageTypeRequest) != before {
		t.Error("the client runs still")
	}
	c.to(t, "{}")
	c.until(t, "a lease", func() bool { return c.addrs() == s.ip(15).String()+"/24" })
}

// anotherAddress: of the other addresses and routes none is touched, and the new address is there before the old goes.
func anotherAddress(t *testing.T, c *client, s *server) {
	one, two, three := s.ip(50).String()+"/24", s.ip(51).String()+"/24", s.ip(52).String()+"/24"
	c.Manager = New(sys.Linux{}, network(t, fmt.Sprintf("%s: {addresses: [%s, %s], gateway: %s}", c.link.Name(), one, two, s.ip(1))), "h", resolvConf(t), c.note)
	e := changes(t, c.link)
	c.begin(t.Context(), c.link)
	t.Cleanup(c.running.Wait)
	c.until(t, "the addresses", func() bool { return c.addrs() == one+" "+two })
	c.until(t, "the default route", c.defaultRoute(t, 100))
	c.to(t, fmt.Sprintf("{addresses: [%s, %s], gateway: %s}", two, three, s.ip(1)))
	c.until(t, "the other addresses", func() bool { return c.addrs() == two+" "+three || c.addrs() == three+" "+two })
	if !c.defaultRoute(t, 100)() || !answers(s.ip(1).String())() {
		t.Error("no default route, or no answer")
	}
	time.Sleep(200 * time.Millisecond)
	want := fmt.Sprintf("+%s +%s +%s -%s", s.ip(50), s.ip(51), s.ip(52), s.ip(50))
	if !strings.HasPrefix(e.String(), want) { // the kernel tells again of the one that is the first now
		t.Errorf("%s; want %s", e, want)
	}
}

// toAndFro: many changes in a row end in the last one, and leave no client behind.
func toAndFro(t *testing.T, c *client, s *server) {
	bound(t, c, s)
	for i := range 10 {
		c.to(t, []string{"{dhcp: false}", "{}", "{metric: 5}", "{addresses: [" + s.ip(60).String() + "/24], dhcp: true}"}[i%4])
	}
	c.to(t, "{metric: 7}")
	c.until(t, "the lease", func() bool { return c.addrs() == s.ip(15).String()+"/24" && c.defaultRoute(t, 7)() })
}
