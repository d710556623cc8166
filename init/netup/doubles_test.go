package netup

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// TestListedTwice: if an interface is listed by name and by hardware address, the latter is always used, and it is
// reported.
func TestListedTwice(t *testing.T) {
	const mac = "52:54:00:12:34:56"
	l := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "eth0", HardwareAddr: net.HardwareAddr{0x52, 0x54, 0, 0x12, 0x34, 0x56}}}
	m := New(sys.Linux{}, config.Network{Interfaces: map[string]config.Interface{"eth0": {MTU: 1}, mac: {MTU: 2}, "eth1": {MTU: 3}}}, "h", "", t.Logf)
	for range 100 { // the iteration order of a map is random
		if got := m.settings(l); got.MTU != 2 || !*got.DHCP {
			t.Fatalf("%+v", got)
		}
	}
	got := m.doubles([]netlink.Link{l, &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "eth1"}}})
	if want := "network.interfaces: 52:54:00:12:34:56 and eth0 are one interface; what stands under 52:54:00:12:34:56 counts, the other is left out"; len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}
