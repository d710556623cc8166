package netup

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/sys"
)

func link(name, mac string) netlink.Link {
	hw, _ := net.ParseMAC(mac)
	return &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name, HardwareAddr: hw, Index: 2}}
}

func TestSettings(t *testing.T) {
	no := false
	m := New(sys.Linux{}, config.Network{Interfaces: map[string]config.Interface{
		"eth0":              {Addresses: []string{"10.0.0.2/24"}},
		"52:54:00:12:34:56": {DHCP: &no},
	}}, "h", "", t.Logf)
	for _, c := range []struct {
		name, mac string
		dhcp      bool
	}{{"eth0", "02:00:00:00:00:01", false}, {"eth1", "02:00:00:00:00:02", true}, {"enp1s0", "52:54:00:12:34:56", false}} {
		if got := *m.settings(link(c.name, c.mac)).DHCP; got != c.dhcp {
			t.Errorf("%s: dhcp %t", c.name, got)
		}
	}
	device(t, "eth0", "eth5")
	if err := m.unknownNames([]netlink.Link{link("eth0", "52:54:00:12:34:56"), link("lo", "")}); err != nil {
		t.Error(err)
	}
	if err := m.unknownNames([]netlink.Link{link("eth5", "02:00:00:00:00:01")}); err == nil || !strings.Contains(err.Error(), "no interface 52:54:00:12:34:56, eth0; there are: eth5") {
		t.Errorf("%v", err)
	}
}

// TestOnlyDevices: an interface without a device behind it is nobody's to configure, and what is said of it is not passed over in silence.
func TestOnlyDevices(t *testing.T) {
	device(t, "eth0")
	m := New(sys.Linux{}, config.Network{Interfaces: map[string]config.Interface{"lo": {}, "cni0": {}}}, "h", "", t.Logf)
	err := m.unknownNames([]netlink.Link{link("eth0", "52:54:00:12:34:56"), link("lo", ""), link("cni0", "")})
	if err == nil || !strings.Contains(err.Error(), "no interface cni0, lo; there are: eth0") {
		t.Error(err)
	}
}

func TestStaticRoutes(t *testing.T) {
	got := ""
	for _, r := range staticRoutes(link("eth0", ""), config.Interface{Gateway: "10.0.0.1", Routes: []config.Route{{To: "10.8.0.0/16", Via: "10.0.0.254", Metric: 5}}}) {
		got += r.Dst.String() + " " + r.Gw.String() + "\n"
	}
	if got != "0.0.0.0/0 10.0.0.1\n10.8.0.0/16 10.0.0.254\n" {
		t.Error(got)
	}
}

// TestRadioMayCome: a Wi-Fi adapter in the configuration that is not there yet does not fail the boot step, which would
// keep every slot from becoming good.
func TestRadioMayCome(t *testing.T) {
	cfg := config.Network{Interfaces: map[string]config.Interface{"wlan0": {}, "02:00:00:00:00:01": {}, "eth7": {}}}
	for want, networks := range map[string][]config.WiFi{"no interface 02:00:00:00:00:01, eth7, wlan0;": nil, "no interface eth7;": {{Name: "Harbour"}}} {
		cfg.WiFi = networks
		if err := New(sys.Linux{}, cfg, "h", "", t.Logf).unknownNames(nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v, want %s", networks, err, want)
		}
	}
}

func TestResolv(t *testing.T) {
	file := resolvConf(t)
	m := New(sys.Linux{}, config.Network{DNS: []string{"9.9.9.9"}, Search: []string{"example.org"}}, "h", file, t.Logf)
	m.leases["eth1"] = dhcp.Lease{DNS: []string{"10.0.0.4", "10.0.0.5"}}
	m.leases["eth0"] = dhcp.Lease{DNS: []string{"10.0.0.3"}, Search: []string{"lan"}, NTP: []string{"10.0.0.6"}}
	if err := m.writeResolv(); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	want := "# written by proa from config and what the networks say\nsearch example.org lan\nnameserver 9.9.9.9\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"10.0.0.6"}, m.NTPServers()); d != "" {
		t.Error(d)
	}
}
