package netup

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/sys"
)

// line matches the lines that resolv.conf may have.
var line = regexp.MustCompile(`^(# written by proa .*|search( [a-z0-9_.-]+)+|nameserver [0-9a-f.:]+(%[a-z0-9.-]+)?|)$`)

// sound checks that a text is a valid resolv.conf in which the configuration's servers come first.
func sound(t *testing.T, text string, configured int) {
	t.Helper()
	servers := 0
	for _, l := range strings.Split(text, "\n") {
		if !line.MatchString(l) || len(l) > 2000 {
			t.Errorf("not a line of resolv.conf: %q", l)
		}
		if a, is := strings.CutPrefix(l, "nameserver "); is {
			servers++
			if _, err := netip.ParseAddr(a); err != nil {
				t.Errorf("%q: %v", l, err)
			}
			if first := servers <= configured; first != (a == "192.0.2.53") {
				t.Errorf("server %d is %s", servers, a)
			}
		}
	}
	if servers < configured || servers > 3 {
		t.Errorf("%d name servers in\n%s", servers, text)
	}
}

// FuzzResolv feeds whole packets to the code that writes resolv.conf.
func FuzzResolv(f *testing.F) {
	for _, opts := range [][]dhcpv4.Option{
		{dhcpv4.OptDomainName("lan\nnameserver 6.6.6.6")}, {dhcpv4.OptDomainName("a b c")}, {dhcpv4.OptDNS(net.IPv4zero, net.IPv4bcast)},
		{dhcpv4.OptGeneric(dhcpv4.OptionDNSDomainSearchList, []byte("\x03lan\x00\x04x\ny \x00\xc0\x00"))},
		{dhcpv4.OptGeneric(dhcpv4.OptionClasslessStaticRoute, []byte{33, 10, 0, 0, 0, 0, 1, 2, 3, 4})}, {dhcpv4.OptDomainName("192.0.2.53")},
	} {
		p, err := dhcpv4.New(dhcpv4.WithYourIP(net.IPv4(10, 0, 2, 15)))
		if err != nil {
			f.Fatal(err)
		}
		for _, o := range opts {
			p.UpdateOption(o)
		}
		f.Add(p.ToBytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := dhcpv4.FromBytes(b)
		if err != nil {
			return
		}
		lease, err := dhcp.ParseACK(p)
		if err != nil {
			return
		}
		m := New(sys.Linux{}, with(config.Network{DNS: []string{"192.0.2.53"}}), "h", resolvConf(t), t.Logf)
		m.leases["eth0"] = lease
		sound(t, m.Resolv(), 1)
	})
}
