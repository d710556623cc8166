package netup

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/sys"
)

// kernelHas skips the test on a kernel that cannot make such an interface.
func kernelHas(t *testing.T, l netlink.Link) {
	t.Helper()
	l.Attrs().Name = "probe"
	if err := netlink.LinkAdd(l); errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("this kernel has no %s", l.Type())
	} else if err == nil {
		must(t, netlink.LinkDel(l))
	}
}

// network returns the part `network` of a document.
func network(t *testing.T, interfaces string) *config.Config {
	t.Helper()
	c, problems := config.Parse("c", []byte("network:\n  interfaces:\n    "+strings.ReplaceAll(strings.TrimSpace(interfaces), "\n", "\n    ")+"\n"))
	for _, p := range problems {
		t.Fatal(p)
	}
	return c
}

// up starts a manager with this configuration, for which these interfaces have devices.
func up(t *testing.T, c *config.Config, devices ...string) *client {
	t.Helper()
	device(t, devices...)
	out := &client{}
	out.Manager = New(sys.Linux{}, c, "edge-7", resolvConf(t), out.note)
	if err := out.Up(t.Context()); err != nil {
		out.note("%v", err)
	}
	return out
}

// change applies another configuration.
func (c *client) change(t *testing.T, to *config.Config) {
	t.Helper()
	if err := c.Change(t.Context(), to); err != nil {
		c.note("%v", err)
	}
}

// has returns whether an interface has an address.
func has(name, address string) func() bool {
	return func() bool {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return false
		}
		list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		for _, a := range list {
			if a.IPNet.String() == address {
				return err == nil
			}
		}
		return false
	}
}

// memberOf returns whether an interface is a member of another one.
func memberOf(name, master string) func() bool {
	return func() bool {
		l, err := netlink.LinkByName(name)
		m, masterErr := netlink.LinkByName(master)
		return err == nil && masterErr == nil && l.Attrs().MasterIndex == m.Attrs().Index
	}
}

// answers returns whether an address answers on the network: a refused connection is an answer of the machine there.
func answers(address string) func() bool {
	return func() bool {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "7"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil || errors.Is(err, unix.ECONNREFUSED)
	}
}

func gone(name string) func() bool { return func() bool { return !links.Exists(name) } }

// cluster makes what Kubernetes' network does: a bridge with a member. The returned function fails the test if it was
// touched.
func cluster(t *testing.T) (untouched func()) {
	t.Helper()
	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cni0"}}))
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth1"}, PeerName: "veth2"}))
	pod, err := netlink.LinkByName("veth1")
	must(t, err)
	bridge, err := netlink.LinkByName("cni0")
	must(t, err)
	must(t, netlink.LinkSetMaster(pod, bridge))
	return func() {
		t.Helper()
		l, err := netlink.LinkByName("veth1")
		if err != nil || l.Attrs().MasterIndex != bridge.Attrs().Index || l.Attrs().Flags&net.FlagUp != 0 {
			t.Errorf("the cluster's interface was touched: %+v, %v", l, err)
		}
	}
}

// TestBridge: with members that are there, come later, leave again, and without any; the cluster's bridge is not
// touched.
func TestBridge(t *testing.T) {
	if !inside(t) {
		return
	}
	ownSysfs(t)
	untouched := cluster(t)
	wire(t, 0, "10.9.0.1/24")
	c := up(t, network(t, "br0: {bridge: {members: [p0-dev, p1-dev], stp: false, ageing: 60, priority: 4096, path_cost: {p0-dev: 77}}, addresses: [10.9.0.2/24], gateway: 10.9.0.1}"),
		"p0-dev", "p1-dev")
	c.until(t, "the address of the bridge", has("br0", "10.9.0.2/24"))
	c.until(t, "its member", memberOf("p0-dev", "br0"))
	c.until(t, "an answer", answers("10.9.0.1"))
	for file, want := range map[string]string{"br0/bridge/stp_state": "0", "br0/bridge/ageing_time": "6000", "br0/bridge/priority": "4096", "p0-dev/brport/path_cost": "77"} {
		if got, err := os.ReadFile(filepath.Join("/sys/class/net", file)); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	if !hasRoute() || len(Addresses()) != 1 {
		t.Errorf("addresses %v", Addresses())
	}
	if v6, err := os.ReadFile("/proc/sys/net/ipv6/conf/p0-dev/disable_ipv6"); err != nil || string(v6) != "1\n" {
		t.Errorf("a member has IPv6: %q, %v", v6, err)
	}
	wire(t, 1, "10.9.1.1/24")
	c.until(t, "the member that is plugged in later", memberOf("p1-dev", "br0"))

	c.change(t, network(t, "br0: {bridge: {members: [p0-dev], stp: false, ageing: 60, priority: 4096, path_cost: {p0-dev: 77}}, addresses: [10.9.0.2/24], gateway: 10.9.0.1}\np1-dev: {addresses: [10.9.1.2/24]}"))
	c.until(t, "the address of what has left", has("p1-dev", "10.9.1.2/24"))
	c.until(t, "an answer to it", answers("10.9.1.1"))
	if memberOf("p1-dev", "br0")() || !answers("10.9.0.1")() {
		t.Error("p1-dev is a member still, or the bridge does not work")
	}
	c.change(t, network(t, "p0-dev: {addresses: [10.9.0.3/24]}\np1-dev: {addresses: [10.9.1.2/24]}"))
	c.until(t, "the bridge to be gone", gone("br0"))
	c.until(t, "an answer without it", answers("10.9.0.1"))
	c.change(t, network(t, "p0-dev: {addresses: [10.9.0.3/24]}\nlater: {bridge: {}, addresses: [10.9.7.2/24]}"))
	c.until(t, "the address of a bridge without members", has("later", "10.9.7.2/24"))
	untouched()
	if strings.Contains(c.log(), "attribute") || strings.Contains(c.log(), "join") {
		t.Errorf("said:\n%s", c.log())
	}
}

func TestVLAN(t *testing.T) {
	if !inside(t) {
		return
	}
	kernelHas(t, &netlink.Dummy{})
	_, f := wire(t, 0, "10.9.0.1/24")
	vlan := netlink.LinkAttrs{Name: "v5", ParentIndex: f.link(t, "p0-net").Attrs().Index}
	if err := f.LinkAdd(&netlink.Vlan{LinkAttrs: vlan, VlanId: 5}); err != nil {
		t.Skipf("this kernel has no VLANs: %v", err)
	}
	f.addr(t, "v5", "10.9.5.1/24")
	c := up(t, network(t, "p0-dev: {addresses: [10.9.0.2/24]}\nvoice: {vlan: {id: 5, link: p0-dev}, addresses: [10.9.5.2/24], mtu: 1400}\nbr0: {bridge: {members: [deep], stp: false}, dhcp: false}\n"+
		"deep: {vlan: {id: 6, link: voice}}"), "p0-dev")
	c.until(t, "an answer on the cable", answers("10.9.0.1"))
	c.until(t, "an answer on the VLAN", answers("10.9.5.1"))
	c.until(t, "a VLAN of the VLAN in a bridge", memberOf("deep", "br0"))
	l, err := netlink.LinkByName("voice")
	must(t, err)
	if v, is := l.(*netlink.Vlan); !is || v.VlanId != 5 || l.Attrs().MTU != 1400 {
		t.Errorf("%+v", l)
	}
	c.change(t, network(t, "p0-dev: {addresses: [10.9.0.2/24]}\nvoice: {vlan: {id: 7, link: p0-dev}, addresses: [10.9.5.2/24]}"))
	c.until(t, "the other VLAN", func() bool {
		l, err := netlink.LinkByName("voice")
		v, is := l.(*netlink.Vlan)
		return err == nil && is && v.VlanId == 7 && has("voice", "10.9.5.2/24")() && gone("br0")() && gone("deep")()
	})
	if !answers("10.9.0.1")() {
		t.Error("the cable does not work any more")
	}
}

// TestBond: active-backup fails over, and the modes and options arrive in the kernel.
func TestBond(t *testing.T) {
	if !inside(t) {
		return
	}
	kernelHas(t, netlink.NewLinkBond(netlink.NewLinkAttrs()))
	ownSysfs(t)
	_, f := wire(t, 0, "10.8.0.1/24")
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "p1-dev"}, PeerName: "p1-net"}))
	other, err := netlink.LinkByName("p1-net")
	must(t, err)
	must(t, netlink.LinkSetNsFd(other, int(f.ns)))
	must(t, f.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "sw"}}))
	for _, port := range []string{"p0-net", "p1-net"} {
		must(t, f.LinkSetMaster(f.link(t, port), f.link(t, "sw")))
		must(t, f.LinkSetUp(f.link(t, port)))
	}
	f.addr(t, "sw", "10.9.0.1/24")
	c := up(t, network(t, "b: {bond: {members: [p0-dev, p1-dev], primary: p0-dev, mii_monitor: 50, up_delay: 100, options: {num_grat_arp: 2}}, addresses: [10.9.0.2/24]}"), "p0-dev", "p1-dev")
	c.until(t, "an answer", answers("10.9.0.1"))
	bond := func() *netlink.Bond {
		l, err := netlink.LinkByName("b")
		must(t, err)
		return l.(*netlink.Bond)
	}
	p0, err := netlink.LinkByName("p0-dev")
	must(t, err)
	if b := bond(); b.Mode != netlink.BOND_MODE_ACTIVE_BACKUP || b.Miimon != 50 || b.UpDelay != 100 || b.ActiveSlave != p0.Attrs().Index || b.Primary != p0.Attrs().Index {
		t.Errorf("%+v", b)
	}
	must(t, f.LinkSetDown(f.link(t, "p0-net")))
	began := time.Now()
	c.until(t, "the other cable to be used", func() bool { return bond().ActiveSlave != p0.Attrs().Index })
	c.until(t, "an answer over it", answers("10.9.0.1"))
	t.Logf("failed over in %s", time.Since(began))
	c.change(t, network(t, "b: {bond: {members: [p0-dev, p1-dev], mode: 802.3ad, lacp_rate: fast, hash_policy: layer3+4, options: {min_links: 1}}, addresses: [10.9.0.2/24]}"))
	c.until(t, "the other mode", func() bool {
		b := bond()
		return b.Mode == netlink.BOND_MODE_802_3AD && b.LacpRate == netlink.BOND_LACP_RATE_FAST && b.XmitHashPolicy == netlink.BOND_XMIT_HASH_POLICY_LAYER3_4 && b.MinLinks == 1
	})
	c.until(t, "its members", func() bool {
		return memberOf("p0-dev", "b")() && memberOf("p1-dev", "b")() && has("b", "10.9.0.2/24")()
	})
	for _, mode := range []string{"balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"} {
		c.change(t, network(t, "b: {bond: {members: [p1-dev], mode: "+mode+"}, addresses: [10.9.0.2/24]}"))
		c.until(t, mode, func() bool {
			return bond().Mode.String() == mode && memberOf("p1-dev", "b")() && has("b", "10.9.0.2/24")()
		})
	}
	if strings.Contains(c.log(), "attribute") {
		t.Errorf("said:\n%s", c.log())
	}
}

func TestDummy(t *testing.T) {
	if !inside(t) {
		return
	}
	kernelHas(t, &netlink.Dummy{})
	c := up(t, network(t, "d: {dummy: true, addresses: [10.9.0.2/32, 'fd00::2/128']}"))
	c.until(t, "its address", has("d", "10.9.0.2/32"))
	c.change(t, network(t, "p0-dev: {optional: true}"))
	c.until(t, "it to be gone", gone("d"))
	c.change(t, network(t, "e: {dummy: true, addresses: [10.9.0.3/32]}"))
	c.until(t, "the address of one that is made later", has("e", "10.9.0.3/32"))
}

// TestMatch: by driver, hardware address and wildcard, also of what is plugged in later.
func TestMatch(t *testing.T) {
	if !inside(t) {
		return
	}
	l, _ := wire(t, 0, "10.9.0.1/24")
	mac := l.Attrs().HardwareAddr.String()
	c := up(t, network(t, fmt.Sprintf("byaddr: {match: {mac: ['%s']}, addresses: [10.9.0.2/24]}\nbydriver: {match: {driver: ['vet?'], name: ['*1-dev']}, addresses: [10.9.1.2/24]}\n"+
		"none: {match: {driver: [e1000]}, addresses: [10.9.9.9/24]}\np2-dev: {optional: true}\np3-dev: {}", mac)), "p0-dev", "p1-dev")
	c.until(t, "the address by hardware address", has("p0-dev", "10.9.0.2/24"))
	wire(t, 1, "10.9.1.1/24")
	c.until(t, "the address by driver and name", has("p1-dev", "10.9.1.2/24"))
	if want := "no interface bydriver, none, p3-dev; there are: p0-dev"; !strings.Contains(c.log(), want) {
		t.Errorf("want %q, said:\n%s", want, c.log())
	}
}

// TestRoutesAndRules: of all kinds, as the kernel has them, and after a change.
func TestRoutesAndRules(t *testing.T) {
	if !inside(t) {
		return
	}
	wire(t, 0, "10.9.0.1/24")
	const form = "p0-dev:\n  addresses: [10.9.0.2/24, 10.9.0.7/24, 'fd00::2/64']\n  routes: [%s]\n"
	first := network(t, fmt.Sprintf(form, "{to: 10.20.0.0/16, via: 192.0.2.1, on_link: true}, {to: 10.21.0.0/16, type: blackhole}, {to: 10.22.0.0/16, via: 10.9.0.1, source: 10.9.0.7, mtu: 1300, table: 100}, "+
		"{to: 10.23.0.0/16, type: throw, table: 100}, {to: 10.24.0.1, scope: host}, {to: default, via: 'fd00::1', source: 'fd00::2'}, {to: default, via: 10.9.0.1}, {to: 'fd01::/16', type: unreachable}"))
	first.Network.Rules = []config.Rule{{From: "10.9.0.7/32", Table: 100, Priority: 1000}, {Mark: 7, Table: 101}}
	c := up(t, first, "p0-dev")
	route := func(want string) func() bool {
		return func() bool {
			for _, table := range []int{unix.RT_TABLE_MAIN, 100} {
				list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
				must(t, err)
				for _, r := range list {
					if want == fmt.Sprintf("%d %s via %s src %s metric %d table %d mtu %d", r.Type, r.Dst, r.Gw, r.Src, r.Priority, r.Table, r.MTU) {
						return true
					}
				}
			}
			return false
		}
	}
	for _, want := range []string{"1 10.20.0.0/16 via 192.0.2.1 src <nil> metric 0 table 254 mtu 0", "6 10.21.0.0/16 via <nil> src <nil> metric 0 table 254 mtu 0",
		"1 10.22.0.0/16 via 10.9.0.1 src 10.9.0.7 metric 0 table 100 mtu 1300", "9 10.23.0.0/16 via <nil> src <nil> metric 0 table 100 mtu 0",
		"1 10.24.0.1/32 via <nil> src <nil> metric 0 table 254 mtu 0", "1 0.0.0.0/0 via 10.9.0.1 src <nil> metric 100 table 254 mtu 0",
		"1 ::/0 via fd00::1 src fd00::2 metric 100 table 254 mtu 0", // the source is tentative at first
		"7 fd01::/16 via <nil> src <nil> metric 1024 table 254 mtu 0"} {
		c.until(t, want, route(want))
	}
	rules := func(want ...string) {
		t.Helper()
		list, err := netlink.RuleList(netlink.FAMILY_ALL)
		must(t, err)
		var got []string
		for _, r := range list {
			if r.Protocol == unix.RTPROT_STATIC {
				got = append(got, fmt.Sprintf("%v %d %d", r.Src, r.Mark, r.Table))
			}
		}
		if strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Errorf("rules %q; want %q", got, want)
		}
	}
	rules("<nil> 7 101", "10.9.0.7/32 0 100", "<nil> 7 101")
	foreign := netlink.NewRule()
	foreign.Table, foreign.Priority, foreign.Mark = 55, 500, 9
	must(t, netlink.RuleAdd(foreign))
	second := network(t, fmt.Sprintf(form, "{to: 10.20.0.0/16, via: 10.9.0.1}"))
	second.Network.Rules = first.Network.Rules[:1]
	c.change(t, second)
	c.until(t, "the other route", route("1 10.20.0.0/16 via 10.9.0.1 src <nil> metric 0 table 254 mtu 0"))
	for _, old := range []string{"1 10.20.0.0/16 via 192.0.2.1 src <nil> metric 0 table 254 mtu 0", "6 10.21.0.0/16 via <nil> src <nil> metric 0 table 254 mtu 0",
		"9 10.23.0.0/16 via <nil> src <nil> metric 0 table 100 mtu 0", "1 0.0.0.0/0 via 10.9.0.1 src <nil> metric 100 table 254 mtu 0"} {
		if route(old)() {
			t.Errorf("there is still %s", old)
		}
	}
	rules("10.9.0.7/32 0 100")
	if list, err := netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Priority: 500}, netlink.RT_FILTER_PRIORITY); err != nil || len(list) != 1 {
		t.Errorf("another's rule is gone: %v %v", list, err)
	}
}
