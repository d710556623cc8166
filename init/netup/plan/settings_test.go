package plan

import (
	"testing"

	"github.com/proa-os/proa/config"
)

const mac = "52:54:00:12:34:56"

func TestSettings(t *testing.T) {
	no := false
	static := config.Interface{Addresses: []string{"10.0.0.2/24"}}
	n := config.Network{Interfaces: map[string]config.Interface{"eth0": static, mac: {DHCP: &no}}}
	for _, c := range []struct {
		name, mac string
		dhcp      bool
	}{{"eth0", "02:00:00:00:00:01", false}, {"eth1", "02:00:00:00:00:02", true}, {"enp1s0", mac, false}} {
		if got := *Settings(n, link(c.name, c.mac, Wired)).DHCP; got != c.dhcp {
			t.Errorf("%s: dhcp %t", c.name, got)
		}
	}
}

func TestManaged(t *testing.T) {
	harbour := []config.WiFi{{Name: "Harbour"}}
	for _, c := range []struct {
		kind Kind
		wifi []config.WiFi
		want bool
	}{{Virtual, harbour, false}, {Wired, nil, true}, {Radio, nil, false}, {Radio, harbour, true}} {
		if got := Managed(config.Network{WiFi: c.wifi}, link("x", "", c.kind)); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestAbsent: interfaces in the configuration that do not exist or have no device are reported. A Wi-Fi adapter that
// does not exist yet is not: it would fail the boot step, which would keep every slot from becoming good.
func TestAbsent(t *testing.T) {
	lo, cni := link("lo", "", Virtual), link("cni0", "", Virtual)
	eth0, eth5 := link("eth0", mac, Wired), link("eth5", "02:00:00:00:00:01", Wired)
	harbour := []config.WiFi{{Name: "Harbour"}}
	for _, c := range []struct {
		keys  []string
		wifi  []config.WiFi
		links []Link
		want  string
	}{
		{[]string{"eth0", mac}, nil, []Link{eth0, lo}, ""},
		{[]string{"eth0", mac}, nil, []Link{eth5}, "no interface " + mac + ", eth0; there are: eth5"},
		{[]string{"lo", "cni0"}, nil, []Link{eth0, lo, cni}, "no interface cni0, lo; there are: eth0"},
		{[]string{"wlan0", mac, "eth7"}, nil, nil, "no interface " + mac + ", eth7, wlan0; there is none yet"},
		{[]string{"wlan0", mac, "eth7"}, harbour, []Link{lo}, "no interface eth7; there is none yet"},
	} {
		n := config.Network{WiFi: c.wifi, Interfaces: map[string]config.Interface{}}
		for _, k := range c.keys {
			n.Interfaces[k] = config.Interface{}
		}
		got := ""
		if err := Absent(n, c.links); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.keys, got, c.want)
		}
	}
}

// TestListedTwice: if an interface is listed by name and by hardware address, the latter is always used, and it is
// reported.
func TestListedTwice(t *testing.T) {
	l := link("eth0", mac, Wired)
	n := config.Network{Interfaces: map[string]config.Interface{"eth0": {MTU: 1}, mac: {MTU: 2}, "eth1": {MTU: 3}}}
	for range 100 { // the iteration order of a map is random
		if got := Settings(n, l); got.MTU != 2 || !*got.DHCP {
			t.Fatalf("%+v", got)
		}
	}
	const want = "network.interfaces: 52:54:00:12:34:56 and eth0 are one interface; " +
		"what stands under 52:54:00:12:34:56 counts, the other is left out"
	if got := Doubles(n, []Link{l, link("eth1", "", Wired)}); len(got) != 1 || got[0].String() != want {
		t.Errorf("%v", got)
	}
}
