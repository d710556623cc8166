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

// radioMetric is added to all that goes through a radio: a cable is faster, and nobody listens to it.
const radioMetric = 1 << 18

// metricOf is a metric as it is for this link.
func metricOf(l netlink.Link, metric int) int {
	if radio(l.Attrs().Name) {
		return metric + radioMetric
	}
	return metric
}

// joinLook is how often a radio is looked at that nobody has poked for; a poke may come before anybody waits for it.
const joinLook = 5 * time.Second

// joined waits until a radio has joined a network: to ask for an address before would be to complain that nobody answers. A cable is left to
// tell by itself. false: the interface is gone.
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

// mayCome: a radio's driver loads its firmware first, so the radio is there only after boot; and a hardware address may be a radio's.
func (m *Manager) mayCome(name string) bool {
	return len(m.cfg.WiFi) > 0 && (strings.HasPrefix(name, "wl") || strings.Contains(name, ":"))
}

// yield has a cable that is pulled out leave its routes to a radio's. Without one it keeps them: what a machine says to itself, to a Service for
// one, needs a route too.
func (m *Manager) yield(l netlink.Link) error {
	if len(m.cfg.WiFi) == 0 || radio(l.Attrs().Name) {
		return nil
	}
	err := m.sys.WriteFile("/proc/sys/net/ipv4/conf/"+l.Attrs().Name+"/ignore_routes_with_linkdown", []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the interface has gone meanwhile
	}
	return wrap("yield to radios", err)
}
