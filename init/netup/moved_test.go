package netup

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/wifi"
)

// TestMoved: how a lease changes with another network, another server and unusual answers. The parts run in parallel.
func TestMoved(t *testing.T) {
	if !inside(t) {
		return
	}
	for n, part := range []struct {
		name string
		do   func(t *testing.T, c *client, s *server)
	}{
		{"refuses what it does not know", func(t *testing.T, c *client, s *server) { moved(t, c, s, false) }},
		{"silent about what it does not know", func(t *testing.T, c *client, s *server) { moved(t, c, s, true) }},
		{"same network", sameNetwork}, {"flapping", flapping}, {"nobody there", nobodyThere}, {"terse", terse}, {"mtu", mtu}, {"rebind", rebind},
		{"two offers", twoOffers}, {"nonsense first", nonsenseFirst}, {"infinite", infiniteLease}, {"conflict", conflict},
		{"other address in the same network", otherAddress},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			s := &server{net: net.IP{10, 9, byte(n), 0}, host: 15, lease: 10 * time.Minute}
			l, f := wire(t, n, s.ip(1).String()+"/24")
			part.do(t, &client{link: l, far: f}, s)
		})
	}
}

// bound starts both and waits for the first lease.
func bound(t *testing.T, c *client, s *server) *events {
	t.Helper()
	s.start(t, c.far, s.near(c))
	c.run(t)
	e := changes(t, c.link)
	c.until(t, "an address", func() bool { return c.addrs() == s.ip(s.host).String()+"/24" })
	return e
}

// soon is how long a user waits after plugging the cable into another network.
const soon = 15 * time.Second

// moved: the address of the other network is there soon, and the old one is removed.
func moved(t *testing.T, c *client, s *server, deaf bool) {
	e := bound(t, c, s)
	s.change(func() { s.net, s.host, s.id, s.deaf = net.IP{10, 9, s.net[2] + 100, 0}, 33, 2, deaf })
	began := time.Now()
	c.poke(c.link.Name())
	c.until(t, "the new address", func() bool { return c.addrs() == s.ip(33).String()+"/24" })
	if took := time.Since(began); took > soon {
		t.Errorf("took %s", took)
	}
	c.until(t, "its name server alone", func() bool {
		return strings.Count(c.resolv(), "nameserver") == 1 && strings.Contains(c.resolv(), s.ip(34).String())
	})
	// without a NAK the old address may be valid: it is removed after the new one is there
	if got := e.String(); deaf && !strings.Contains(got, "+"+s.ip(33).String()+" -") {
		t.Errorf("there was a gap: %s", got)
	}
}

// sameNetwork: plugging the cable in again keeps the address all the time.
func sameNetwork(t *testing.T, c *client, s *server) {
	e := bound(t, c, s)
	before := s.count(dhcpv4.MessageTypeDiscover)
	c.poke(c.link.Name())
	c.until(t, "a second request", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 2 })
	c.poke(c.link.Name())
	c.until(t, "a third request", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 3 })
	if n := s.count(dhcpv4.MessageTypeDiscover) - before; n != 0 || strings.Contains(e.String(), "-") {
		t.Errorf("%d discovers, %s", n, e)
	}
	s.change(func() {
		last := s.requests[len(s.requests)-1]
		if last.RequestedIPAddress() == nil || !last.ClientIPAddr.IsUnspecified() || last.ServerIdentifier() != nil {
			t.Errorf("not as RFC 2131, section 4.3.2, has INIT-REBOOT: %s", last.Summary())
		}
	})
}

func flapping(t *testing.T, c *client, s *server) {
	e := bound(t, c, s)
	for range 40 {
		c.poke(c.link.Name())
		time.Sleep(5 * time.Millisecond)
	}
	c.until(t, "the last look", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 2 })
	if strings.Contains(e.String(), "-") || c.addrs() != s.ip(15).String()+"/24" {
		t.Errorf("%s", e)
	}
}

// nobodyThere: in a network without a server the lease is kept until it expires, and is then removed.
func nobodyThere(t *testing.T, c *client, s *server) {
	s.lease = 20 * time.Second
	bound(t, c, s)
	began := time.Now()
	s.change(func() { s.mute = true })
	c.poke(c.link.Name())
	c.until(t, "the loss", func() bool { return strings.Contains(c.log(), "lost ") })
	if took := time.Since(began); took < 18*time.Second || took > 25*time.Second {
		t.Errorf("lost after %s", took)
	}
}

// terse: a renewal without mask, router and name server keeps them.
func terse(t *testing.T, c *client, s *server) {
	s.lease, s.terse = 10*time.Second, true
	e := bound(t, c, s)
	c.until(t, "a renewal", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 2 })
	time.Sleep(time.Second)
	routes, err := netlink.RouteList(c.link, netlink.FAMILY_V4)
	if err != nil || !slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Gw.Equal(s.ip(254)) }) {
		t.Errorf("the default route is gone: %v %v", routes, err)
	}
	if !strings.Contains(c.resolv(), s.ip(16).String()) || strings.Contains(e.String(), "-") {
		t.Errorf("%s\n%s", c.resolv(), e)
	}
}

// mtu: the network's is taken, and given back when a network does not say one.
func mtu(t *testing.T, c *client, s *server) {
	s.lease, s.options = 10*time.Second, []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionInterfaceMTU, []byte{0x05, 0xb4}))}
	bound(t, c, s)
	is := func(want int) func() bool {
		return func() bool {
			l, err := netlink.LinkByIndex(c.link.Attrs().Index)
			return err == nil && l.Attrs().MTU == want
		}
	}
	c.until(t, "an MTU of 1460", is(1460))
	s.change(func() { s.options, s.nak = nil, true })
	c.until(t, "an MTU of 1500", is(1500))
}

// rebind: the server is gone, and another one renews the lease, like a failover pair. Before that only the first one is
// asked.
func rebind(t *testing.T, c *client, s *server) {
	s.lease = 16 * time.Second
	e := bound(t, c, s)
	s.change(func() { s.id = 9 })
	c.until(t, "the other's answer", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 2 })
	time.Sleep(500 * time.Millisecond)
	s.change(func() {
		last := s.requests[len(s.requests)-1]
		if last.ServerIdentifier() != nil || !last.ClientIPAddr.Equal(s.ip(15)) {
			t.Errorf("%s", last.Summary())
		}
	})
	c.until(t, "a life behind the first lease", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 3 })
	if strings.Contains(e.String(), "-") || c.addrs() != s.ip(15).String()+"/24" {
		t.Errorf("%s", e)
	}
}

// twoOffers: the second offer is ignored; all later answers are of the first server.
func twoOffers(t *testing.T, c *client, s *server) {
	other := &server{net: s.net, host: 200, id: 2, lease: time.Hour}
	other.start(t, c.far, s.near(c))
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "an address", func() bool { return c.addrs() != "" })
	time.Sleep(time.Second)
	list, _ := netlink.AddrList(c.link, netlink.FAMILY_V4)
	if len(list) != 1 {
		t.Errorf("%v", list)
	}
}

// nonsenseFirst: an invalid offer is skipped, and a valid one is used.
func nonsenseFirst(t *testing.T, c *client, s *server) {
	bad := &server{net: net.IP{224, 0, 0, 0}, host: 1, id: 1, lease: time.Hour}
	bad.start(t, c.far, s.near(c))
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "the sound address", func() bool { return c.addrs() == s.ip(15).String()+"/24" })
}

func infiniteLease(t *testing.T, c *client, s *server) {
	s.options = []dhcpv4.Modifier{dhcpv4.WithLeaseTime(0xffffffff)}
	bound(t, c, s)
	list, _ := netlink.AddrList(c.link, netlink.FAMILY_V4)
	if len(list) != 1 || uint32(list[0].ValidLft) != 0xffffffff && list[0].ValidLft != 0 {
		t.Errorf("%+v", list)
	}
	c.poke(c.link.Name())
	c.until(t, "the look", func() bool { return s.count(dhcpv4.MessageTypeRequest) >= 2 })
}

// conflict: an address that is in use is declined, and the next one is used.
func conflict(t *testing.T, c *client, s *server) {
	c.far.addr(t, s.near(c), s.ip(15).String()+"/24")
	s.start(t, c.far, s.near(c))
	c.run(t)
	c.until(t, "the refusal", func() bool { return s.count(dhcpv4.MessageTypeDecline) == 1 })
	c.until(t, "the complaint", func() bool { return strings.Contains(c.log(), "has it already") })
	if c.addrs() != "" {
		t.Errorf("taken nevertheless: %s", c.addrs())
	}
	s.change(func() { s.host = 44 })
	c.until(t, "the next", func() bool { return c.addrs() == s.ip(44).String()+"/24" })
}

// otherAddress: the old address is the first one of its network; removing it must not remove the others.
func otherAddress(t *testing.T, c *client, s *server) {
	e := bound(t, c, s)
	s.change(func() { s.host, s.deaf = 44, true })
	c.poke(c.link.Name())
	c.until(t, "the new address alone", func() bool { return c.addrs() == s.ip(44).String()+"/24" })
	time.Sleep(time.Second)
	routes, err := netlink.RouteList(c.link, netlink.FAMILY_V4)
	if err != nil || !slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Gw.Equal(s.ip(254)) && r.Src.Equal(s.ip(44)) }) {
		t.Errorf("no default route: %v %v", routes, err)
	}
	if !strings.Contains(e.String(), "+"+s.ip(44).String()+" -"+s.ip(15).String()) || c.addrs() != s.ip(44).String()+"/24" {
		t.Errorf("there was a gap: %s; %s", e, c.addrs())
	}
}

// events are the IPv4 addresses added and removed, as reported by the kernel.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.list, " ")
}

func changes(t *testing.T, of ...netlink.Link) *events {
	t.Helper()
	e, ch := &events{}, make(chan netlink.AddrUpdate, 64)
	must(t, netlink.AddrSubscribe(ch, t.Context().Done()))
	go func() {
		for u := range ch {
			if u.LinkAddress.IP.To4() == nil || len(of) > 0 && u.LinkIndex != of[0].Attrs().Index {
				continue
			}
			e.mu.Lock()
			e.list = append(e.list, map[bool]string{true: "+", false: "-"}[u.NewAddr]+u.LinkAddress.IP.String())
			e.mu.Unlock()
		}
	}()
	return e
}

// TestCable: from the carrier event to the address of the other network, with the whole manager. The interface appears
// without a carrier.
func TestCable(t *testing.T) {
	if !inside(t) {
		return
	}
	s := &server{net: net.IP{10, 9, 0, 0}, host: 15, lease: time.Hour, deaf: true}
	l, f := wire(t, 0, s.ip(1).String()+"/24")
	c := &client{link: l, far: f}
	end := f.link(t, s.near(c))
	must(t, f.LinkSetDown(end))
	device(t, l.Name())
	c.Manager = New(sys.Linux{}, with(config.Network{}), "edge-7", resolvConf(t), c.note)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	must(t, c.Manager.Up(ctx))
	s.start(t, f, s.near(c))
	time.Sleep(3 * time.Second)
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"the cable comes", func() {}},
		{"back to the same network", func() {}},
		{"another network", func() { s.net, s.host, s.id = net.IP{10, 9, 50, 0}, 20, 1 }},
		{"another server", func() { s.id, s.host = 7, 30 }},
	} {
		must(t, f.LinkSetDown(end))
		time.Sleep(300 * time.Millisecond)
		s.change(step.do)
		must(t, f.LinkSetUp(end))
		began := time.Now()
		c.until(t, step.what, func() bool { return c.addrs() == s.ip(s.host).String()+"/24" })
		if took := time.Since(began); took > soon {
			t.Errorf("%s: took %s", step.what, took)
		}
	}
}

// TestWatcher has the kernel's events for two subscribers: an interface that leaves a bridge is still there, and one
// that was removed is not. The second subscription is Wi-Fi's.
func TestWatcher(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	device(t, l.Name())
	w := links.NewWatcher(t.Logf)
	go w.Run(t.Context())
	first, second := make(chan links.Event, 64), make(chan links.Event, 64)
	w.Subscribe(func(e links.Event) { first <- e })
	await(t, first, "it to be there", func(e links.Event) bool { return e.Name() == l.Name() && !e.Gone })
	w.Subscribe(func(e links.Event) { second <- e })

	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "b0"}}
	must(t, netlink.LinkAdd(bridge))
	must(t, netlink.LinkSetMaster(l, bridge))
	must(t, netlink.LinkSetNoMaster(l))
	must(t, netlink.LinkSetMTU(l, 1400))
	for _, ch := range []chan links.Event{first, second} {
		await(t, ch, "the MTU", func(e links.Event) bool {
			if e.Gone {
				t.Error("gone, and it only left a bridge")
			}
			return e.Attrs().MTU == 1400
		})
	}
	must(t, netlink.LinkDel(l))
	for _, ch := range []chan links.Event{first, second} {
		await(t, ch, "the end", func(e links.Event) bool { return e.Gone })
	}
}

// TestFollowRadios: Wi-Fi is told once of an adapter, whether that or the subscription is first, and of nothing else.
func TestFollowRadios(t *testing.T) {
	if !inside(t) {
		return
	}
	old, _ := wire(t, 0, "10.9.0.1/24")
	later := "p1-dev"
	device(t, old.Name(), later, "p2-dev")
	for _, name := range []string{old.Name(), later} {
		must(t, os.Mkdir(filepath.Join(links.Dir, name, "wireless"), 0o755))
	}
	w, radios := links.NewWatcher(t.Logf), make(chan string, 64)
	_, err := w.Scan()
	must(t, err)
	wifi.Follow(t.Context(), w, t.Logf, func(radio string) { radios <- radio })
	if len(radios) != 1 || <-radios != old.Name() {
		t.Fatal("the adapter that was there is not found")
	}
	go w.Run(t.Context())
	for n, name := range []string{"p2-dev", later} {
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: fmt.Sprint("peer", n)}))
	}
	select {
	case radio := <-radios:
		if radio != later {
			t.Errorf("found %s", radio)
		}
	case <-time.After(time.Minute):
		t.Error("the adapter that came later is not found")
	}
}

func await(t *testing.T, ch <-chan links.Event, what string, is func(links.Event) bool) {
	t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case e := <-ch:
			if is(e) {
				return
			}
		case <-end:
			t.Fatalf("waited for %s", what)
		}
	}
}

// device makes the manager believe that the interfaces have devices.
func device(t *testing.T, names ...string) {
	t.Helper()
	links.Dir = t.TempDir()
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Join(links.Dir, name, "device"), 0o755))
		must(t, os.WriteFile(filepath.Join(links.Dir, name, "type"), []byte("1\n"), 0o644))
	}
}
