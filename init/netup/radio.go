package netup

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/wait"
)

// radioMetric is added to the metric of all routes through a Wi-Fi adapter: a cable is faster and harder to eavesdrop
// on.
const radioMetric = 1 << 18

// metricOf returns the metric for this link.
func metricOf(l netlink.Link, metric int) int {
	if radio(l.Attrs().Name) {
		return metric + radioMetric
	}
	return metric
}

// joinLook is the interval for checking whether an adapter has joined a network, in case a poke was missed.
const joinLook = 5 * time.Second

// joined waits until a Wi-Fi adapter has joined a network, because DHCP before that would only log failures. A wired
// interface is not waited for. false: the interface is gone.
func joined(ctx context.Context, l netlink.Link, poke <-chan struct{}) bool {
	for radio(l.Attrs().Name) {
		now, err := netlink.LinkByIndex(l.Attrs().Index)
		if err == nil && now.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
			return true
		}
		if wait.For(ctx, poke, joinLook) == wait.Gone {
			return false
		}
	}
	return true
}

// mayCome says whether the name may belong to a Wi-Fi adapter: its driver loads firmware first, so it appears only
// after the boot; a hardware address may be an adapter's too.
func (m *Manager) mayCome(name string) bool {
	return len(m.cfg.WiFi) > 0 && (strings.HasPrefix(name, "wl") || strings.Contains(name, ":"))
}

// yield makes routes of an unplugged cable yield to those of a Wi-Fi adapter (ignore_routes_with_linkdown). Without an
// adapter they stay, because connections of the machine to itself, such as to a Service, need a route too.
func (m *Manager) yield(l netlink.Link) error {
	if len(m.cfg.WiFi) == 0 || radio(l.Attrs().Name) {
		return nil
	}
	err := m.sys.WriteFile("/proc/sys/net/ipv4/conf/"+l.Attrs().Name+"/ignore_routes_with_linkdown", []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the interface was removed meanwhile
	}
	return wrap("yield to radios", err)
}
