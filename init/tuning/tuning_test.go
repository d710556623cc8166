package tuning

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// TestUser: what the kernel does not have is told, unless the network step makes it and sets it.
func TestUser(t *testing.T) {
	for key, told := range map[string]bool{
		"net.ipv4.conf.uplink.rp_filter":      false,
		"net/ipv4/conf/eth0.5/rp_filter":      false,
		"net.ipv6.neigh.bond0.gc_stale_time":  false,
		"net.ipv4.conf.eth1.rp_filter":        true, // only configured, by the name that it has or does not have
		"net.ipv4.conf.nowhere.rp_filter":     true,
		"net.ipv4.no_such_thing":              true,
		"net.ipv4.conf.uplink.rp_filter.more": true,
	} {
		c, problems := config.Parse("c", []byte("sysctls: {"+key+": 1}\nnetwork: {interfaces: {uplink: {match: {mac: ['52:54:00:12:34:56']}, rename: true}, eth0.5: {vlan: {id: 5, link: eth0}}, bond0: {bond: {members: [eth2]}}, eth1: {dhcp: true}}}\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		err := User(&sys.Fake{Fail: map[string]error{"/proc/sys/": unix.ENOENT}}, c)
		if (err != nil) != told || told && !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
		if err := User(&sys.Fake{Fail: map[string]error{"/proc/sys/": unix.EINVAL}}, c); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: a value that the kernel refuses: %v", key, err)
		}
	}
}
