// Package netup configures the network: loopback, bonds, bridges, VLANs and dummies of the configuration, static
// addresses, routes and rules, DHCP on every other wired interface, and on Wi-Fi adapters if the configuration has
// networks for them. Joining these is in package wifi. What fails is logged once and retried in the background, and the
// boot continues. It assigns no link-local IPv4 addresses. It does not touch interfaces without a device that it has not
// made itself, which belong to the cluster's network.
//
// What is to be done is computed by package plan, and done by package links.
package netup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/dhcp6"
	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/sys"
)

// Manager manages the interfaces that have a device, and those that it makes.
type Manager struct {
	sys      sys.Sys
	conf     atomic.Pointer[config.Config]
	hostname string
	logf     func(string, ...any)
	resolv   string

	// Links are the interfaces that are managed, or may be. Others may subscribe to them.
	Links *links.Watcher
	// Load loads a module with parameters. nil: the kernel loads modules by itself.
	Load func(module, params string) error

	hand    sync.Mutex     // held while interfaces are changed as the configuration says
	parts   chan struct{}  // an interface has appeared or is gone
	running sync.WaitGroup // goroutines of ports
	told    map[string]bool

	mu     sync.Mutex
	begun  map[string]*port // by interface
	leases map[string]dhcp.Lease
	six    map[string]dhcp6.Lease // from DHCPv6
	advice map[string]advice      // from routers

	plainMTU map[string]int // of interfaces whose MTU a lease changed

	named map[int]string // names before renaming, by index; guarded by hand
	kept  map[int]bool   // indexes of interfaces that could not be renamed

	lonely  bool // the missing network was logged
	writing sync.Mutex
	wrote   string // current content of resolv.conf
}

// New returns a manager that writes name servers to the file resolv.
func New(s sys.Sys, cfg *config.Config, hostname, resolv string, logf func(string, ...any)) *Manager {
	m := &Manager{sys: s, hostname: hostname, logf: logf, resolv: resolv, Links: links.NewWatcher(logf),
		parts: make(chan struct{}, 1), told: map[string]bool{}, begun: map[string]*port{}, leases: map[string]dhcp.Lease{},
		six:    map[string]dhcp6.Lease{},
		advice: map[string]advice{}, plainMTU: map[string]int{},
		named: map[int]string{}, kept: map[int]bool{}}
	m.Links.Hold = m.hold
	m.conf.Store(cfg)
	return m
}

func (m *Manager) network() config.Network { return m.conf.Load().Network }

// Up configures the existing interfaces and follows later ones. It returns an error only if netlink does not work, if
// name servers cannot be written, or as a *plan.AbsentError; errors of one interface are logged.
func (m *Manager) Up(ctx context.Context) error {
	if err := m.loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := m.writeResolv(); err != nil {
		return err
	}
	if err := links.Apply(m.sys, nil, plan.Rules(nil, m.network().Rules)); err != nil {
		m.logf("network: %v", err)
	}
	m.hand.Lock()
	m.rename(ctx)
	m.weave()
	m.hand.Unlock()
	m.Links.Subscribe(func(e links.Event) { m.see(ctx, e) })
	present, err := m.Links.Scan()
	if err != nil {
		return err
	}
	go m.Links.Run(ctx)
	go m.followParts(ctx)
	go m.followRouters(ctx)
	go m.followAddresses(ctx, alonePatience)
	return plan.Absent(m.network(), present)
}

// Change puts a changed configuration in force, except that of Wi-Fi. What is the same before and after is not touched.
// Errors of one interface are logged, as those of Up are.
func (m *Manager) Change(ctx context.Context, c *config.Config) error {
	m.hand.Lock()
	defer m.hand.Unlock()
	old, now := m.network(), *c
	now.Network.WiFi, now.Network.WiFiCountry = old.WiFi, old.WiFiCountry
	present, err := links.List()
	if err != nil {
		return err
	}
	m.conf.Store(&now)
	errs := []error{links.Apply(m.sys, nil, plan.Rules(old.Rules, now.Network.Rules))}
	for _, l := range plan.Unmade(old, now.Network, present) {
		m.forget(l.Name())
		errs = append(errs, links.Apply(m.sys, l, []plan.Op{plan.Delete{}}))
	}
	m.mu.Lock()
	m.kept = map[int]bool{}
	m.mu.Unlock()
	m.rename(ctx)
	for _, p := range m.ports() {
		m.settle(ctx, p, false)
		m.refit(p, old)
	}
	m.weave()
	m.resettle(ctx, present)
	errs = append(errs, m.writeResolv())
	present, err = links.List()
	return errors.Join(append(errs, err, plan.Absent(now.Network, present))...)
}

// Doubles returns interfaces that the configuration lists more than once.
func (m *Manager) Doubles() []plan.Double {
	present, err := links.List()
	if err != nil {
		return nil // logged by Up
	}
	return plan.Doubles(m.network(), present)
}

func (m *Manager) loopback() error {
	lo, err := links.ByName("lo")
	if err != nil {
		return err
	}
	return links.Apply(m.sys, lo, []plan.Op{plan.SetUp{}})
}

// plugged: the cable of an interface was plugged in, perhaps into another network.
func (m *Manager) plugged(ctx context.Context, l plan.Link) {
	m.doubt(l.Name())
	go m.solicit(ctx, l)
	m.poke(l.Name())
}

// partsChanged has followParts look.
func (m *Manager) partsChanged() {
	select {
	case m.parts <- struct{}{}:
	default:
	}
}

// see handles an event: a new interface is started; one whose cable was plugged in is poked, because the network may be
// another one.
func (m *Manager) see(ctx context.Context, e links.Event) {
	if e.Gone || e.Before == nil || e.Before.Attrs().MasterIndex != e.Attrs().MasterIndex {
		m.partsChanged()
	}
	switch {
	case e.Gone:
		m.forget(e.Name())
		return
	case !plan.Managed(m.network(), e.Link):
		return
	}
	m.begin(ctx, e.Link)
	if e.Before != nil && !e.Before.Running() && e.Running() {
		m.plugged(ctx, e.Link)
		for _, name := range plan.Above(m.network(), e.Link) { // their own links may have been there all the time
			if l, err := links.ByName(name); err == nil {
				m.plugged(ctx, l)
			}
		}
	}
}
