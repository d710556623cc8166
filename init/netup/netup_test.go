package netup

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/sys"
)

// with returns a configuration with these network settings.
func with(n config.Network) *config.Config { return &config.Config{Network: n} }

func TestResolv(t *testing.T) {
	file := resolvConf(t)
	m := New(sys.Linux{}, with(config.Network{DNS: []string{"9.9.9.9"}, Search: []string{"example.org"}}), "h", file, t.Logf)
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
