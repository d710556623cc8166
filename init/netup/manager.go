// Package netup configures the network by netlink: loopback, static addresses and routes from the configuration, DHCP
// on every other wired interface, and on Wi-Fi adapters if the configuration has networks for them. Joining these is in
// package wifi. If DHCP fails, the client retries forever in the background and the boot continues. It assigns no
// link-local IPv4 addresses. It does not touch interfaces without a device, which belong to the cluster's network.
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
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/netup/dhcp"
	"github.com/proa-os/proa/init/netup/wait"
	"github.com/proa-os/proa/init/sys"
)

// Manager manages the interfaces that have a device.
type Manager struct {
	sys      sys.Sys
	cfg      config.Network
	hostname string
	logf     func(string, ...any)
	resolv   string

	// Sysctls are the user's sysctls. Those of an interface are set when it appears.
	Sysctls map[string]string
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
func New(s sys.Sys, cfg config.Network, hostname, resolv string, logf func(string, ...any)) *Manager {
	return &Manager{sys: s, cfg: cfg, hostname: hostname, logf: logf, resolv: resolv, begun: map[string]chan struct{}{}, leases: map[string]dhcp.Lease{},
		advice: map[string]advice{}, plainMTU: map[string]int{}}
}

// Up configures the existing interfaces and follows later ones. It returns an error only if netlink does not work;
// errors of one interface are logged.
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

// unknownNames returns the interfaces in the configuration that do not exist; they may be plugged in later.
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

// AbsentError lists interfaces in the configuration that do not exist.
type AbsentError struct{ Missing, Have []string }

func (e *AbsentError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no interface %s; there is none yet", strings.Join(e.Missing, ", "))
	}
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

// again is the pause before a broken subscription is renewed.
const again = time.Second

// follow starts new interfaces and pokes those whose cable was plugged in, because the network may be another one. A
// burst of changes, as from many pods, can overflow the socket and end the subscription; a new one begins with a list
// of all links.
func (m *Manager) follow(ctx context.Context) {
	cables := map[string]bool{}
	for ctx.Err() == nil {
		if err := m.watch(ctx, cables); err != nil {
			m.logf("network: %v", err)
		}
		wait.For(ctx, nil, again)
	}
}

// watch lists the existing links, and then handles every change.
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

// forgetOthers forgets interfaces that were removed during a gap in the subscription.
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

// see handles a link: an interface that appeared without a cable is poked when that is plugged in; a new one is started
// without a poke.
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

// wired says whether it is an Ethernet interface with a device that is not a Wi-Fi adapter.
func wired(name string) bool { return physical(name) && !radio(name) }

// Radio says whether it is a Wi-Fi adapter.
func Radio(name string) bool { return physical(name) && radio(name) }

var netDir = "/sys/class/net/" // replaced in tests

func physical(name string) bool {
	kind, _ := os.ReadFile(filepath.Join(netDir, name, "type"))
	_, noDevice := os.Stat(filepath.Join(netDir, name, "device"))
	return strings.TrimSpace(string(kind)) == "1" && noDevice == nil
}

// radio checks for phy80211, and for what exists before that, at the time the link is announced.
func radio(name string) bool {
	_, err := os.Stat(filepath.Join(netDir, name, "wireless"))
	return err == nil
}

// settings returns the configuration of a link; DHCP is on unless there are addresses or the user disables it.
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

// listedAs returns the keys of the configuration that match a link, in order of precedence: a hardware address belongs
// to this device only, a name may belong to another one after the next boot.
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

// Doubles returns interfaces that the configuration lists more than once.
func (m *Manager) Doubles() (out []string) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil // logged by Up
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

// run manages one interface until it is removed. A panic in a protocol library must not end PID 1.
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

// lease keeps a DHCP lease on an interface until it is removed.
func (m *Manager) lease(ctx context.Context, l netlink.Link, poke <-chan struct{}) {
	c := dhcp.Client{Link: l, Hostname: m.hostname, Poke: poke, Logf: m.logf,
		Adopt: func(now dhcp.Lease, before *dhcp.Lease) { m.adopt(l, now, before) }, Drop: func(was dhcp.Lease) { m.drop(l, was) }}
	c.Run(ctx)
}
