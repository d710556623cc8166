package netup

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/netup/wait"
)

// port is an interface that is managed.
type port struct {
	plain plan.Link     // as it was first seen
	ops   []plan.Op     // in force; guarded by Manager.hand
	quit  func()        // ends retries; guarded by Manager.hand
	again chan struct{} // retry now
	v4    *session      // the DHCP client, and that for IPv6; nil: none runs; guarded by Manager.mu
	v6    *session
}

// session is a client that runs.
type session struct {
	poke  chan struct{} // the cable was plugged in; closed: end
	ended chan struct{}
}

// begin starts to manage an interface.
func (m *Manager) begin(ctx context.Context, l plan.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun[l.Name()] != nil {
		return
	}
	p := &port{plain: l, again: make(chan struct{}, 1), quit: func() {}}
	m.begun[l.Name()] = p
	m.start(l, func() {
		m.hand.Lock()
		defer m.hand.Unlock()
		m.settle(ctx, p, false)
	})
}

// start runs a goroutine. A panic in a protocol library must not end PID 1.
func (m *Manager) start(l plan.Link, run func()) {
	m.running.Add(1)
	go func() {
		defer m.running.Done()
		if err := guard.Call(func() error { run(); return nil }); err != nil {
			m.logf("network %s: %v", l.Name(), err)
		}
	}()
}

// ports returns the managed interfaces, sorted by name.
func (m *Manager) ports() (out []*port) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.begun {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *port) int { return strings.Compare(a.plain.Name(), b.plain.Name()) })
	return out
}

// settle makes an interface as the configuration has it: the difference to what is in force, or everything anew.
func (m *Manager) settle(ctx context.Context, p *port, anew bool) {
	now, err := links.ByName(p.plain.Name())
	if err != nil {
		return // it is gone
	}
	c := m.conf.Load()
	ops := plan.Interface(c, now)
	todo := plan.Difference(p.plain, p.ops, ops)
	if anew {
		todo = ops
	}
	failed, err := links.Try(m.sys, now, todo)
	if err != nil {
		m.logf("network %s: %v", now.Name(), err)
	}
	p.ops = ops
	m.insist(ctx, p, failed)
	s := plan.Settings(c.Network, now)
	m.keep(ctx, p, &p.v4, *s.DHCP, m.lease)
	m.keep(ctx, p, &p.v6, s.DHCP6, m.lease6)
	if !*s.AcceptRA {
		m.mu.Lock()
		delete(m.advice, now.Name())
		m.mu.Unlock()
	}
	if err := m.writeResolv(); err != nil {
		m.logf("network: %v", err)
	}
}

// Pauses between attempts to set routes that the kernel refused.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// insist retries routes until the kernel takes them: their next hop may be on an interface that comes later, and their
// IPv6 source is being looked for on the network for a second or two (RFC 4862, section 5.4).
func (m *Manager) insist(ctx context.Context, p *port, failed []plan.Op) {
	p.quit()
	failed = slices.DeleteFunc(failed, func(op plan.Op) bool { _, is := op.(plan.PutRoute); return !is })
	if len(failed) == 0 {
		return
	}
	ctx, p.quit = context.WithCancel(ctx)
	m.start(p.plain, func() {
		for pause := firstRetry; len(failed) > 0; pause = min(2*pause, lastRetry) {
			if wait.For(ctx, p.again, pause) == wait.Gone {
				return
			}
			failed = m.retry(ctx, p, failed)
		}
		if ctx.Err() == nil {
			m.logf("network %s: all routes are set now", p.plain.Name())
		}
	})
}

func (m *Manager) retry(ctx context.Context, p *port, ops []plan.Op) []plan.Op {
	m.hand.Lock()
	defer m.hand.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	failed, _ := links.Try(m.sys, p.plain, ops) // settle has logged why
	return failed
}

// resettle configures those interfaces anew that were members and are none any more: the kernel sets down what leaves a
// bond.
func (m *Manager) resettle(ctx context.Context, before []plan.Link) {
	for _, p := range m.ports() {
		was := slices.ContainsFunc(before, func(l plan.Link) bool {
			return l.Name() == p.plain.Name() && l.Attrs().MasterIndex != 0
		})
		now, err := links.ByName(p.plain.Name())
		if was && err == nil && now.Attrs().MasterIndex == 0 {
			m.settle(ctx, p, true)
		}
	}
}

// keep starts or ends a client, as it is wanted.
func (m *Manager) keep(ctx context.Context, p *port, at **session, wanted bool,
	run func(context.Context, plan.Link, <-chan struct{})) {
	m.mu.Lock()
	var ending *session
	switch {
	case m.begun[p.plain.Name()] != p || wanted == (*at != nil):
	case wanted:
		s := &session{make(chan struct{}, 1), make(chan struct{})}
		*at = s
		m.start(p.plain, func() { defer close(s.ended); run(ctx, p.plain, s.poke) })
	default:
		ending, *at = *at, nil
		close(ending.poke)
	}
	m.mu.Unlock()
	if ending != nil {
		<-ending.ended
	}
}

func (m *Manager) poke(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.begun[name]
	if p == nil {
		return
	}
	all := []chan struct{}{p.again}
	for _, s := range []*session{p.v4, p.v6} {
		if s != nil {
			all = append(all, s.poke)
		}
	}
	for _, ch := range all {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// forget ends what runs for an interface that is gone.
func (m *Manager) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.begun[name]; p != nil {
		for _, s := range []*session{p.v4, p.v6} {
			if s != nil {
				close(s.poke)
			}
		}
		close(p.again)
	}
	delete(m.begun, name)
	delete(m.leases, name)
	delete(m.six, name)
	delete(m.advice, name)
	delete(m.plainMTU, name)
}

// refit gives the routes of a lease the metric, and the interface the MTU, of a changed configuration.
func (m *Manager) refit(p *port, old config.Network) {
	m.mu.Lock()
	lease, has := m.leases[p.plain.Name()]
	m.mu.Unlock()
	now, err := links.ByName(p.plain.Name())
	if !has || err != nil {
		return
	}
	if err := links.Apply(m.sys, now, plan.Refit(old, m.network(), now, lease)); err != nil {
		m.logf("network %s: %v", now.Name(), err)
	}
}
