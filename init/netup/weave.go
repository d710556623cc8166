package netup

import (
	"context"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
)

// How often weaving is repeated at once, as a VLAN of a bridge of bonds needs it, and the pause after a failure.
const (
	weaveRounds = 8
	weavePause  = 10 * time.Second
	weaveLook   = 24 * time.Hour // without an event there is nothing to do
)

// followParts makes interfaces and joins members as what they need appears.
func (m *Manager) followParts(ctx context.Context) {
	for look := weavePause; ; {
		select {
		case <-ctx.Done():
			return
		case <-m.parts:
		case <-time.After(look):
		}
		m.hand.Lock()
		look = weaveLook
		m.rename(ctx)
		if !m.weave() {
			look = weavePause
		}
		m.hand.Unlock()
	}
}

// weave makes the interfaces that are made of others, and joins members, as far as possible now. It logs an error once,
// and returns whether there was none.
func (m *Manager) weave() bool {
	failed := map[string]bool{}
	defer m.notice()
	for range weaveRounds {
		present, err := links.List()
		if err != nil {
			m.logf("network: list links: %v", err)
			return false
		}
		before, any := len(failed), false
		for _, t := range plan.Weave(m.network(), present) {
			if id := t.String(); !failed[id] {
				failed[id] = !m.do(t)
				any = any || !failed[id]
			}
		}
		if !any && len(failed) == before {
			break
		}
	}
	for _, bad := range failed {
		if bad {
			return false
		}
	}
	return true
}

// notice looks for interfaces that were made: the kernel announces no new alias of an interface that is down.
func (m *Manager) notice() {
	if _, err := m.Links.Scan(); err != nil {
		m.logf("network: %v", err)
	}
}

// do carries out a task.
func (m *Manager) do(t plan.Task) bool {
	if create, is := t.Ops[0].(plan.Create); is {
		m.loadFor(create[0])
	}
	err := links.Apply(m.sys, t.Link, t.Ops)
	if err == nil {
		return true
	}
	if text := err.Error(); !m.told[t.Name+text] {
		m.told[t.Name+text] = true
		m.logf("network %s: %v", t.Name, err)
	}
	return false
}

// kindModules are the drivers of interfaces that are made. Without parameters, as the kernel loads them by itself, two
// of them create an interface of their own.
var kindModules = map[string][2]string{"bond": {"bonding", "max_bonds=0"}, "dummy": {"dummy", "numdummies=0"}}

func (m *Manager) loadFor(l netlink.Link) {
	if module, ok := kindModules[l.Type()]; ok && m.Load != nil {
		_ = m.Load(module[0], module[1]) // the driver may be built in; creating the interface says whether it is there
	}
}
