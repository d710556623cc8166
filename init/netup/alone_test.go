package netup

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// TestAlone: without any address the machine creates proa-alone, whose route does not count as a network's; when a
// cable is plugged in later its address is configured before that interface is removed.
func TestAlone(t *testing.T) {
	if !inside(t) {
		return
	}
	l, f := wire(t, 0, "10.9.0.1/24")
	device(t, l.Name())
	must(t, f.LinkSetDown(f.link(t, "p0-net")))
	c := &client{link: l, far: f}
	c.Manager = New(sys.Linux{}, with(config.Network{}), "edge-7", resolvConf(t), c.note)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	must(t, c.Manager.Up(ctx))
	go c.Manager.followAddresses(ctx, time.Second) // in addition to the manager's own, which has a longer patience
	c.until(t, "the own interface", func() bool { return strings.Contains(aloneHas(), "203.0.113.254/31") })
	c.until(t, "its way out", func() bool {
		routes, err := netlink.RouteGet([]byte{8, 8, 8, 8})
		return err == nil && len(routes) == 1 && routes[0].Src.String() == "203.0.113.254"
	})
	if hasRoute() || len(Addresses()) != 0 || !Served() {
		t.Errorf("default route %t, addresses %v, served %t", hasRoute(), Addresses(), Served())
	}
	c.until(t, "what the console says", func() bool {
		return strings.Contains(c.log(), "no network: no IPv4 address after 1s (p0-dev: no cable")
	})

	order := changes(t)
	s := &server{net: []byte{10, 9, 0, 0}, host: 15, lease: time.Hour}
	s.start(t, f, "p0-net")
	must(t, f.LinkSetUp(f.link(t, "p0-net")))
	c.until(t, "the network's address alone", func() bool { return c.addrs() == "10.9.0.15/24" && aloneHas() == "" })
	c.until(t, "the default route", hasRoute)
	if got := order.String(); !strings.Contains(got, "+10.9.0.15 -203.0.113.254") {
		t.Errorf("there was a gap: %s", got)
	}
	if n := strings.Count(c.log(), "no network:"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// TestAloneOnIPv6: an IPv6-only network does not have the IPv4 address that pods and services need.
func TestAloneOnIPv6(t *testing.T) {
	if !inside(t) {
		return
	}
	l, f := wire(t, 0, "10.9.0.1/24")
	device(t, l.Name())
	c := &client{link: l, far: f}
	no := false
	c.Manager = New(sys.Linux{}, with(config.Network{Interfaces: map[string]config.Interface{l.Name(): {DHCP: &no, Addresses: []string{"2001:db8::5/64"}}}}),
		"edge-7", resolvConf(t), c.note)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	must(t, c.Manager.Up(ctx))
	go c.Manager.followAddresses(ctx, time.Second)
	c.until(t, "the network's address", func() bool { return len(Addresses()) == 1 })
	c.until(t, "the own interface", func() bool { return strings.Contains(aloneHas(), "203.0.113.254/31") })
	if list := Addresses(); len(list) != 1 || list[0].Address != "2001:db8::5/64" {
		t.Errorf("addresses %v", list)
	}
}

func aloneHas() string {
	l, err := netlink.LinkByName(plan.AloneName)
	if err != nil {
		return ""
	}
	list, _ := netlink.AddrList(l, netlink.FAMILY_V4)
	if len(list) == 0 {
		return ""
	}
	return list[0].IPNet.String()
}
