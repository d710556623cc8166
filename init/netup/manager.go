// Package netup configures the network: loopback, static addresses and routes from the configuration, DHCP on every
// other wired interface, and on Wi-Fi adapters if the configuration has networks for them. Joining these is in package
// wifi. If DHCP fails, the client retries forever in the background and the boot continues. It assigns no link-local
// IPv4 addresses. It does not touch interfaces without a device, which belong to the cluster's network.
//
// What is to be done is computed by package plan, and done by package links.
package netup

import (
	"context"
	"fmt"
	"sync"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// Manager manages the interfaces that have a device.
type Manager struct {
	sys      sys.Sys
	cfg      *config.Config
	hostname string
	logf     func(string, ...any)
	resolv   string

	// Links are the interfaces with a device. Others may subscribe to them.
	Links *links.Watcher
	// Load loads a module with parameters. nil: the kernel loads modules by itself.
	Load func(module, params string) error

	mu     sync.Mutex
	begun  map[string]chan struct{} // by interface: wakes its goroutine
	leases map[string]dhcp.Lease
	advice map[string]advice // from routers

	plainMTU map[string]int // of interfaces whose MTU a lease changed

	lonely  bool // the missing network was logged
	writing sync.Mutex
	wrote   string // current content of resolv.conf
}

// New returns a manager that writes name servers to the file resolv.
func New(s sys.Sys, cfg *config.Config, hostname, resolv string, logf func(string, ...any)) *Manager {
	return &Manager{sys: s, cfg: cfg, hostname: hostname, logf: logf, resolv: resolv, Links: links.NewWatcher(logf),
		begun: map[string]chan struct{}{}, leases: map[string]dhcp.Lease{}, advice: map[string]advice{}, plainMTU: map[string]int{}}
}

// Up configures the existing interfaces and follows later ones. It returns an error only if netlink does not work, if
// name servers cannot be written, or as a *plan.AbsentError; errors of one interface are logged.
func (m *Manager) Up(ctx context.Context) error {
	if err := m.loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := m.writeResolv(); err != nil {
		return err
	}
	m.Links.Subscribe(func(e links.Event) { m.see(ctx, e) })
	present, err := m.Links.Scan()
	if err != nil {
		return err
	}
	go m.Links.Run(ctx)
	go m.followRouters(ctx)
	go m.followAddresses(ctx, alonePatience)
	return plan.Absent(m.cfg.Network, present)
}

// Doubles returns interfaces that the configuration lists more than once.
func (m *Manager) Doubles() []plan.Double {
	present, err := links.List()
	if err != nil {
		return nil // logged by Up
	}
	return plan.Doubles(m.cfg.Network, present)
}

func (m *Manager) loopback() error {
	lo, err := links.ByName("lo")
	if err != nil {
		return err
	}
	return links.Apply(m.sys, lo, []plan.Op{plan.SetUp{}})
}

// see handles an event: a new interface is started; one whose cable was plugged in is poked, because the network may be
// another one.
func (m *Manager) see(ctx context.Context, e links.Event) {
	switch {
	case e.Gone:
		m.forget(e.Name())
		return
	case !plan.Managed(m.cfg.Network, e.Link):
		return
	}
	m.begin(ctx, e.Link)
	if e.Before != nil && !e.Before.Running() && e.Running() {
		m.doubt(e.Name())
		go m.solicit(ctx, e.Link)
		m.poke(e.Name())
	}
}

func (m *Manager) poke(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case m.begun[name] <- struct{}{}:
	default:
	}
}

func (m *Manager) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ch, ok := m.begun[name]; ok {
		close(ch)
	}
	delete(m.begun, name)
	delete(m.leases, name)
	delete(m.advice, name)
}

func (m *Manager) begin(ctx context.Context, l plan.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, already := m.begun[l.Name()]; already {
		return
	}
	poke := make(chan struct{}, 1)
	m.begun[l.Name()] = poke
	go m.run(ctx, l, poke)
}

// run manages one interface until it is removed. A panic in a protocol library must not end PID 1.
func (m *Manager) run(ctx context.Context, l plan.Link, poke <-chan struct{}) {
	err := guard.Call(func() error {
		m.own(ctx, l, poke)
		return nil
	})
	if err != nil {
		m.logf("network %s: %v", l.Name(), err)
	}
}

func (m *Manager) own(ctx context.Context, l plan.Link, poke <-chan struct{}) {
	if err := links.Apply(m.sys, l, plan.Interface(m.cfg, l)); err != nil {
		m.logf("network %s: %v", l.Name(), err)
	}
	if *plan.Settings(m.cfg.Network, l).DHCP && joined(ctx, l, poke) {
		m.lease(ctx, l, poke)
	}
}

// lease keeps a DHCP lease on an interface until it is removed.
func (m *Manager) lease(ctx context.Context, l plan.Link, poke <-chan struct{}) {
	c := dhcp.Client{Link: l, Hostname: m.hostname, Poke: poke, Logf: m.logf,
		Adopt: func(now dhcp.Lease, before *dhcp.Lease) { m.adopt(l, now, before) }, Drop: func(was dhcp.Lease) { m.drop(l, was) }}
	c.Run(ctx)
}
