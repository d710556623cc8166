package dhcp

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

func ack(t *testing.T, opts ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	t.Helper()
	p, err := dhcpv4.New(dhcpv4.WithYourIP(net.IPv4(10, 0, 2, 15)), dhcpv4.WithNetmask(net.CIDRMask(24, 32)))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range opts {
		p.UpdateOption(o)
	}
	return p
}

func TestParseACK(t *testing.T) {
	l, err := ParseACK(ack(t, dhcpv4.OptRouter(net.IPv4(10, 0, 2, 2)), dhcpv4.OptDNS(net.IPv4(10, 0, 2, 3)), dhcpv4.OptDomainName("lan"),
		dhcpv4.OptIPAddressLeaseTime(time.Hour), dhcpv4.OptNTPServers(net.IPv4(10, 0, 2, 4))))
	if err != nil || l.Address.String() != "10.0.2.15/24" || l.Gateway.String() != "10.0.2.2" || l.Renew != 30*time.Minute || l.Expire != time.Hour {
		t.Errorf("%+v", l)
	}
	if d := cmp.Diff([][]string{{"10.0.2.3"}, {"lan"}, {"10.0.2.4"}}, [][]string{l.DNS, l.Search, l.NTP}); d != "" {
		t.Error(d)
	}
}

// TestClasslessRoutes: option 121 replaces the router option.
func TestClasslessRoutes(t *testing.T) {
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	_, ten, _ := net.ParseCIDR("10.0.0.0/8")
	l, err := ParseACK(ack(t, dhcpv4.OptRouter(net.IPv4(10, 0, 2, 2)),
		dhcpv4.OptClasslessStaticRoute(&dhcpv4.Route{Dest: all, Router: net.IPv4(10, 0, 2, 9)}, &dhcpv4.Route{Dest: ten, Router: net.IPv4(10, 0, 2, 8)})))
	if err != nil || l.Gateway.String() != "10.0.2.9" || len(l.Routes) != 1 || l.Routes[0].Dst.String() != "10.0.0.0/8" {
		t.Errorf("%+v", l)
	}
}

// TestMTU: the network's, if every host can live with it; a renewal that does not name it leaves it.
func TestMTU(t *testing.T) {
	for b, want := range map[string]int{"\x05\xb4": 1460, "\x23\x29": 9001, "\x00\x44": 0, "\x05": 0, "\x00\x00\x05\xb4": 0} {
		l, err := ParseACK(ack(t, dhcpv4.OptGeneric(dhcpv4.OptionInterfaceMTU, []byte(b))))
		if err != nil || l.MTU != want || (len(l.Refused) > 0) != (want == 0) {
			t.Errorf("%x: %d, refused %q, %v", b, l.MTU, l.Refused, err)
		}
	}
	none := ack(t)
	l, err := ParseACK(none)
	if got := l.completed(none, Lease{Address: l.Address, MTU: 1460}); err != nil || got.MTU != 1460 {
		t.Errorf("%d, %v", got.MTU, err)
	}
}

// TestOutside: invalid values are ignored and reported; valid ones beside them are used.
func TestOutside(t *testing.T) {
	ip := func(s string) net.IP { return net.ParseIP(s) }
	for name, c := range map[string]struct {
		opts    []dhcpv4.Option
		want    Lease
		refused string
	}{
		"name servers": {opts: []dhcpv4.Option{dhcpv4.OptDNS(ip("0.0.0.0"), ip("224.0.0.1"), ip("255.255.255.255"), ip("127.0.0.1"), ip("240.1.1.1"), ip("10.0.2.3"), ip("10.0.2.3"))},
			want: Lease{DNS: []string{"10.0.2.3"}}, refused: "name server 0.0.0.0, name server 224.0.0.1, name server 255.255.255.255, name server 127.0.0.1, name server 240.1.1.1"},
		"NTP servers":      {opts: []dhcpv4.Option{dhcpv4.OptNTPServers(ip("0.0.0.0"), ip("10.0.2.4"))}, want: Lease{NTP: []string{"10.0.2.4"}}, refused: "NTP server 0.0.0.0"},
		"newline":          {opts: []dhcpv4.Option{dhcpv4.OptDomainName("lan\nnameserver 6.6.6.6")}, refused: `domain "lan\nnameserver 6.6.6.6"`},
		"carriage return":  {opts: []dhcpv4.Option{dhcpv4.OptDomainName("lan\rx")}, refused: `domain "lan\rx"`},
		"options":          {opts: []dhcpv4.Option{dhcpv4.OptDomainName("lan;#")}, refused: `domain "lan;#"`},
		"two domains":      {opts: []dhcpv4.Option{dhcpv4.OptDomainName("Lan. corp.example\x00")}, want: Lease{Search: []string{"lan", "corp.example"}}},
		"label of 64":      {opts: []dhcpv4.Option{dhcpv4.OptDomainName(strings.Repeat("a", 64))}, refused: `domain "` + strings.Repeat("a", 40) + `..."`},
		"router":           {opts: []dhcpv4.Option{dhcpv4.OptRouter(ip("0.0.0.0"), ip("10.0.2.15"), ip("10.0.2.2"))}, want: Lease{Gateway: ip("10.0.2.2").To4()}, refused: "router 0.0.0.0, router 10.0.2.15"},
		"routes":           {opts: []dhcpv4.Option{route("127.0.0.0/8", "10.0.2.2")}, refused: "route to 127.0.0.0/8"},
		"mask of nothing":  {opts: []dhcpv4.Option{dhcpv4.OptSubnetMask(net.IPMask{0, 0, 0, 0})}, want: Lease{Address: &net.IPNet{Mask: net.CIDRMask(8, 32)}}},
		"mask with a hole": {opts: []dhcpv4.Option{dhcpv4.OptSubnetMask(net.IPMask{255, 0, 255, 0})}, want: Lease{Address: &net.IPNet{Mask: net.CIDRMask(8, 32)}}},
	} {
		got, err := ParseACK(ack(t, c.opts...))
		if err != nil || strings.Join(got.Refused, ", ") != c.refused {
			t.Errorf("%s: refused %q, %v; want %q", name, got.Refused, err, c.refused)
		}
		have := Lease{Gateway: got.Gateway, DNS: got.DNS, NTP: got.NTP, Search: got.Search}
		if d := cmp.Diff(Lease{Gateway: c.want.Gateway, DNS: c.want.DNS, NTP: c.want.NTP, Search: c.want.Search}, have); d != "" || len(got.Routes) > 0 {
			t.Errorf("%s: %s", name, d)
		}
		if c.want.Address != nil && got.Address.Mask.String() != c.want.Address.Mask.String() {
			t.Errorf("%s: %s", name, got.Address)
		}
	}
}

func route(to, via string) dhcpv4.Option {
	_, dest, _ := net.ParseCIDR(to)
	return dhcpv4.OptClasslessStaticRoute(&dhcpv4.Route{Dest: dest, Router: net.ParseIP(via)})
}

// TestNoAddress: an answer with an invalid address is an error.
func TestNoAddress(t *testing.T) {
	for _, a := range []string{"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "255.255.255.255", "10.0.2.0", "10.0.2.255"} {
		p := ack(t)
		p.YourIPAddr = net.ParseIP(a)
		if l, err := ParseACK(p); err == nil {
			t.Errorf("%s: %+v", a, l)
		}
	}
}

func TestLeaseTimes(t *testing.T) {
	s := time.Second
	for name, c := range map[string]struct {
		lease, t1, t2         uint32
		renew, rebind, expire time.Duration
	}{
		"as section 4.4.5 says":   {lease: 800, renew: 400 * s, rebind: 700 * s, expire: 800 * s},
		"as the server says":      {lease: 800, t1: 100, t2: 200, renew: 100 * s, rebind: 200 * s, expire: 800 * s},
		"in no order":             {lease: 800, t1: 900, t2: 850, renew: 400 * s, rebind: 700 * s, expire: 800 * s},
		"T1 behind T2":            {lease: 800, t1: 300, t2: 200, renew: 200 * s, rebind: 200 * s, expire: 800 * s},
		"none":                    {renew: 5 * s, rebind: 8750 * time.Millisecond, expire: 10 * s},
		"half a minute":           {lease: 32, renew: 16 * s, rebind: 28 * s, expire: 32 * s},
		"for ever":                {lease: 0xffffffff, renew: Forever, rebind: Forever, expire: Forever},
		"longer than 31 bits are": {lease: 0xfffffff0, renew: 2147483640 * s, rebind: 3758096370 * s, expire: 4294967280 * s},
	} {
		p := ack(t, dhcpv4.OptIPAddressLeaseTime(time.Duration(c.lease)*s))
		if c.t1 > 0 {
			p.UpdateOption(dhcpv4.OptRenewTimeValue(time.Duration(c.t1) * s))
			p.UpdateOption(dhcpv4.OptRebindingTimeValue(time.Duration(c.t2) * s))
		}
		l, err := ParseACK(p)
		if err != nil || l.Renew != c.renew || l.Rebind != c.rebind || l.Expire != c.expire {
			t.Errorf("%s: %s %s %s, %v", name, l.Renew, l.Rebind, l.Expire, err)
		}
	}
}
