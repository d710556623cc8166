package netup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/dhcp6"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/netup/wait"
)

// joinLook is the interval for checking whether an adapter has joined a network, in case a poke was missed.
const joinLook = 5 * time.Second

// lease keeps a DHCP lease on an interface until it is removed or the client is not wanted any more.
func (m *Manager) lease(ctx context.Context, l plan.Link, poke <-chan struct{}) {
	if !m.joined(ctx, l, poke) {
		return
	}
	if now, err := links.ByName(l.Name()); err == nil {
		l = now // a bond has the hardware address of its members
	}
	c := dhcp.Client{Link: l, Hostname: m.hostname, Poke: poke, Logf: m.logf,
		Adopt: func(now dhcp.Lease, before *dhcp.Lease) { m.adopt(l, now, before) }, Drop: func(was dhcp.Lease) { m.drop(l, was) }}
	c.Run(ctx)
	m.mu.Lock()
	last, left := m.leases[l.Name()]
	m.mu.Unlock()
	if left && ctx.Err() == nil {
		m.drop(l, last)
	}
}

// lease6 keeps a DHCPv6 lease on an interface.
func (m *Manager) lease6(ctx context.Context, l plan.Link, poke <-chan struct{}) {
	if !m.joined(ctx, l, poke) {
		return
	}
	if now, err := links.ByName(l.Name()); err == nil {
		l = now
	}
	note := func(lease *dhcp6.Lease, ops []plan.Op) {
		err := links.Apply(m.sys, l, ops)
		m.mu.Lock()
		if delete(m.six, l.Name()); lease != nil {
			m.six[l.Name()] = *lease
		}
		m.mu.Unlock()
		if err := errors.Join(err, m.writeResolv()); err != nil {
			m.logf("network %s: %v", l.Name(), err)
		}
	}
	c := dhcp6.Client{Link: l, Poke: poke, Logf: m.logf,
		Adopt: func(now dhcp6.Lease, before *dhcp6.Lease) { note(&now, plan.Lease6(now, before)) },
		Drop:  func(was dhcp6.Lease) { note(nil, plan.Lost6(was)) }}
	c.Run(ctx)
}

// joined waits until a Wi-Fi adapter has joined a network, or an interface that is optional or made of others has a
// link, because DHCP before that would only log failures. Others are not waited for. false: the interface is gone.
func (m *Manager) joined(ctx context.Context, l plan.Link, poke <-chan struct{}) bool {
	for l.Kind == plan.Radio || l.Kind == plan.Made || plan.Settings(m.network(), l).Optional {
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
		err = links.Apply(m.sys, l, plan.Lease(m.network(), now, lease, before, m.holdMTU(now, lease)))
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
