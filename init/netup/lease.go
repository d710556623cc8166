package netup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/netup/wait"
)

// joinLook is the interval for checking whether an adapter has joined a network, in case a poke was missed.
const joinLook = 5 * time.Second

// joined waits until a Wi-Fi adapter has joined a network, because DHCP before that would only log failures. A wired
// interface is not waited for. false: the interface is gone.
func joined(ctx context.Context, l plan.Link, poke <-chan struct{}) bool {
	for l.Kind == plan.Radio {
		if now, err := links.ByName(l.Name()); err == nil && now.Running() {
			return true
		}
		if wait.For(ctx, poke, joinLook) == wait.Gone {
			return false
		}
	}
	return true
}

// adopt configures a lease on the interface. before is nil if there was none.
func (m *Manager) adopt(l plan.Link, lease dhcp.Lease, before *dhcp.Lease) {
	now, err := links.ByName(l.Name())
	if err == nil {
		err = links.Apply(m.sys, l, plan.Lease(m.cfg.Network, now, lease, before, m.holdMTU(now, lease)))
	}
	m.mu.Lock()
	m.leases[l.Name()] = lease
	m.mu.Unlock()
	if err := errors.Join(err, m.writeResolv()); err != nil {
		m.logf("network %s: %v", l.Name(), err)
	}
}

// holdMTU returns the MTU that an interface had before the first lease with one.
func (m *Manager) holdMTU(l plan.Link, lease dhcp.Lease) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, held := m.plainMTU[l.Name()]; !held && lease.MTU != 0 {
		m.plainMTU[l.Name()] = l.Attrs().MTU
	}
	return m.plainMTU[l.Name()]
}

// drop removes a lease and its name servers.
func (m *Manager) drop(l plan.Link, lease dhcp.Lease) {
	err := links.Apply(m.sys, l, plan.Lost(lease))
	m.mu.Lock()
	delete(m.leases, l.Name())
	m.mu.Unlock()
	if resolvErr := m.writeResolv(); resolvErr != nil {
		err = errors.Join(err, fmt.Errorf("resolv.conf: %w", resolvErr))
	}
	if err != nil {
		m.logf("network %s: %v", l.Name(), err)
	}
}
