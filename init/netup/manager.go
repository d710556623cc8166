// Package netup brings interfaces up by netlink: loopback, static addresses and routes from config, DHCP on every other wired
// interface, and on radios if config has networks for them. Joining those is wifi's. What happens when DHCP fails: the client asks forever in the background and the boot goes on without. It invents no link-local
// address, and it leaves alone every interface that has no device behind it, for those belong to the cluster's network.
package netup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/guard"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/wait"
	"github.com/proa-os/proa/init/sys"
)

// Manager owns the interfaces that have a device behind them.
type Manager struct {
	sys      sys.Sys
	cfg      config.Network
	hostname string
	logf     func(string, ...any)
	resolv   string

	// Sysctls are the user's. Those of an interface are set when it appears.
	Sysctls map[string]string
	// Load loads a module with parameters. nil: the kernel loads what it needs by itself.
	Load func(module, params string) error

	mu     sync.Mutex
	begun  map[string]chan struct{} // interface → poke
	leases map[string]dhcp.Lease
	advice map[string]advice // of routers

	plainMTU map[string]int // of interfaces whose MTU a lease changed

	lonely  bool // it was said that there is no network
	writing sync.Mutex
	wrote   string // resolv.conf as it is
}

// New makes a manager that writes name servers to the file resolv.
func New(s sys.Sys, cfg config.Network, hostname, resolv string, logf func(string, ...any)) *Manager {
	return &Manager{sys: s, cfg: cfg, hostname: hostname, logf: logf, resolv: resolv, begun: map[string]chan struct{}{}, leases: map[string]dhcp.Lease{},
		advice: map[string]advice{}, plainMTU: map[string]int{}}
}

// Up configures what is there and follows what comes later. Only a machine that cannot speak netlink is an error here; one interface's trouble is logged.
func (m *Manager) Up(ctx context.Context) error {
	if err := loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := m.writeResolv(); err != nil {
		return err
	}
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		m.begin(ctx, l)
	}
	go m.follow(ctx)
	go m.followRouters(ctx)
	go m.followAddresses(ctx, alonePatience)
	return m.unknownNames(links)
}

// unknownNames reports what the config speaks of and the machine lacks; it may still be plugged in.
func (m *Manager) unknownNames(links []netlink.Link) error {
	links = slices.DeleteFunc(slices.Clone(links), func(l netlink.Link) bool { return !physical(l.Attrs().Name) }) // lo, and the cluster's
	var missing, have []string
	for _, l := range links {
		have = append(have, l.Attrs().Name)
	}
	for name := range m.cfg.Interfaces {
		if !m.mayCome(name) && !slices.ContainsFunc(links, func(l netlink.Link) bool { return named(l.Attrs(), name) }) {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return &AbsentError{missing, have}
}

// AbsentError is what the config speaks of and the machine lacks.
type AbsentError struct{ Missing, Have []string }

func (e *AbsentError) Error() string {
	return fmt.Sprintf("no interface %s; there are: %s", strings.Join(e.Missing, ", "), strings.Join(e.Have, ", "))
}

func named(a *netlink.LinkAttrs, name string) bool {
	return a.Name == name || strings.EqualFold(a.HardwareAddr.String(), name)
}

func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// again is how long a subscription that broke is left alone.
const again = time.Second

// follow begins new interfaces and pokes those whose cable was put in: it may be another network now. A burst of changes, as many pods make them,
// can be more than the kernel keeps for a reader, which ends the subscription; what was missed is looked up then.
func (m *Manager) follow(ctx context.Context) {
	cables := map[string]bool{}
	for ctx.Err() == nil {
		if err := m.watch(ctx, cables); err != nil {
			m.logf("network: %v", err)
		}
		wait.For(ctx, nil, again)
	}
}

// watch looks at what there is, and then at every change that the kernel tells of.
func (m *Manager) watch(ctx context.Context, cables map[string]bool) error {
	sub, end := context.WithCancel(ctx)
	defer end()
	updates := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribe(updates, sub.Done()); err != nil {
		return fmt.Errorf("follow links: %w", err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	m.forgetOthers(links)
	for _, l := range links {
		m.see(ctx, cables, l)
	}
	for u := range updates {
		if u.Header.Type == unix.RTM_DELLINK {
			m.forget(u.Link.Attrs().Name)
			delete(cables, u.Link.Attrs().Name)
			continue
		}
		m.see(ctx, cables, u.Link)
	}
	return nil
}

// forgetOthers: an interface that went away while nobody looked.
func (m *Manager) forgetOthers(links []netlink.Link) {
	m.mu.Lock()
	var gone []string
	for name := range m.begun {
		if !slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == name }) {
			gone = append(gone, name)
		}
	}
	m.mu.Unlock()
	for _, name := range gone {
		m.forget(name)
	}
}

// see: an interface that shows up without a cable and gets one later is poked as well; one that is new needs none.
func (m *Manager) see(ctx context.Context, cables map[string]bool, l netlink.Link) {
	a := l.Attrs()
	m.begin(ctx, l)
	now := a.RawFlags&unix.IFF_RUNNING != 0
	if was, known := cables[a.Name]; known && now && !was {
		m.doubt(a.Name)
		go m.solicit(ctx, l)
		m.poke(a.Name)
	}
	cables[a.Name] = now
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

func (m *Manager) begin(ctx context.Context, l netlink.Link) {
	name := l.Attrs().Name
	if !wired(name) && !(Radio(name) && len(m.cfg.WiFi) > 0) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, already := m.begun[name]; already {
		return
	}
	poke := make(chan struct{}, 1)
	m.begun[name] = poke
	go m.run(ctx, l, m.settings(l), poke)
}

// wired: an Ethernet device with hardware behind it that is not a radio.
func wired(name string) bool { return physical(name) && !radio(name) }

// Radio: a device that joins wireless networks.
func Radio(name string) bool { return physical(name) && radio(name) }

var netDir = "/sys/class/net/" // tests have their own

func physical(name string) bool {
	kind, _ := os.ReadFile(filepath.Join(netDir, name, "type"))
	_, noDevice := os.Stat(filepath.Join(netDir, name, "device"))
	return strings.TrimSpace(string(kind)) == "1" && noDevice == nil
}

// radio looks for what is there before the link is told of; phy80211 comes later.
func radio(name string) bool {
	_, err := os.Stat(filepath.Join(netDir, name, "wireless"))
	return err == nil
}

// settings finds the config of a link; DHCP is on unless there are addresses or the user says otherwise.
func (m *Manager) settings(l netlink.Link) config.Interface {
	keys := m.listedAs(l.Attrs())
	if len(keys) == 0 {
		yes := true
		return config.Interface{DHCP: &yes}
	}
	s := m.cfg.Interfaces[keys[0]]
	if s.DHCP == nil {
		on := len(s.Addresses) == 0
		s.DHCP = &on
	}
	return s
}

// listedAs are the keys of the config that mean a link, first the one that counts: a hardware address is this device's alone, a name may be
// another's tomorrow.
func (m *Manager) listedAs(a *netlink.LinkAttrs) (keys []string) {
	for name := range m.cfg.Interfaces {
		if named(a, name) {
			keys = append(keys, name)
		}
	}
	slices.SortFunc(keys, func(x, y string) int {
		if (x == a.Name) != (y == a.Name) {
			return map[bool]int{true: 1, false: -1}[x == a.Name]
		}
		return strings.Compare(x, y)
	})
	return keys
}

// Doubles reports interfaces that the config lists more than once.
func (m *Manager) Doubles() (out []string) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil // Up has said it
	}
	return m.doubles(links)
}

func (m *Manager) doubles(links []netlink.Link) (out []string) {
	for _, l := range links {
		if keys := m.listedAs(l.Attrs()); len(keys) > 1 {
			out = append(out, fmt.Sprintf("network.interfaces: %s are one interface; what stands under %s counts, the other is left out", strings.Join(keys, " and "), keys[0]))
		}
	}
	return out
}

// run owns one interface until it goes away. A panic in a protocol library must not take PID 1 along.
func (m *Manager) run(ctx context.Context, l netlink.Link, s config.Interface, poke <-chan struct{}) {
	err := guard.Call(func() error {
		m.own(ctx, l, s, poke)
		return nil
	})
	if err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
}

func (m *Manager) own(ctx context.Context, l netlink.Link, s config.Interface, poke <-chan struct{}) {
	if err := m.configure(l, s); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
	if err := m.yield(l); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
	if *s.DHCP && joined(ctx, l, poke) {
		m.lease(ctx, l, poke)
	}
}

// lease keeps an address of DHCP on an interface until it goes away.
func (m *Manager) lease(ctx context.Context, l netlink.Link, poke <-chan struct{}) {
	c := dhcp.Client{Link: l, Hostname: m.hostname, Poke: poke, Logf: m.logf,
		Adopt: func(now dhcp.Lease, before *dhcp.Lease) { m.adopt(l, now, before) }, Drop: func(was dhcp.Lease) { m.drop(l, was) }}
	c.Run(ctx)
}
