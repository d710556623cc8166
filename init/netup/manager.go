// Package netup brings interfaces up by netlink: loopback, static addresses and routes from config, DHCP on every other wired
// interface, and on radios if config has networks for them. Joining those is wifi's. What happens when DHCP fails: the client asks forever in the background and the boot goes on without. It invents no link-local
// address, and it leaves alone every interface that has no device behind it, for those belong to the cluster's network.
package netup

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// Manager owns the interfaces that have a device behind them.
type Manager struct {
	cfg      config.Network
	hostname string
	logf     func(string, ...any)
	resolv   string

	mu     sync.Mutex
	begun  map[string]chan struct{} // interface → poke
	leases map[string]Lease
}

// Lease is what DHCP brought to one interface.
type Lease struct {
	Address *net.IPNet
	Gateway net.IP
	Routes  []netlink.Route
	DNS     []string
	Search  []string
	NTP     []string
	Renew   time.Duration
	Expire  time.Duration
}

// New makes a manager that writes name servers to the file resolv.
func New(cfg config.Network, hostname, resolv string, logf func(string, ...any)) *Manager {
	return &Manager{cfg: cfg, hostname: hostname, logf: logf, resolv: resolv, begun: map[string]chan struct{}{}, leases: map[string]Lease{}}
}

// Up configures what is there and follows what comes later. Only a machine that cannot speak netlink is an error here; one interface's trouble is logged.
func (m *Manager) Up(ctx context.Context) error {
	if err := loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := m.writeResolv(); err != nil {
		return err
	}
	updates := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribe(updates, ctx.Done()); err != nil {
		return fmt.Errorf("follow links: %w", err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		m.begin(ctx, l)
	}
	go m.follow(ctx, updates)
	return m.unknownNames(links)
}

// unknownNames reports what the config speaks of and the machine lacks; it may still be plugged in.
func (m *Manager) unknownNames(links []netlink.Link) error {
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
	return fmt.Errorf("no interface %s; there are: %s", strings.Join(missing, ", "), strings.Join(have, ", "))
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

// follow begins new interfaces and pokes those whose cable was put in again: it may be another network now.
func (m *Manager) follow(ctx context.Context, updates <-chan netlink.LinkUpdate) {
	running := map[string]bool{}
	for u := range updates {
		a := u.Link.Attrs()
		if u.Header.Type == unix.RTM_DELLINK {
			m.forget(a.Name)
			continue
		}
		m.begin(ctx, u.Link)
		now := u.IfInfomsg.Flags&unix.IFF_RUNNING != 0
		if was, known := running[a.Name]; known && now && !was {
			m.poke(a.Name)
		}
		running[a.Name] = now
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

const netDir = "/sys/class/net/"

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
	for name, s := range m.cfg.Interfaces {
		if named(l.Attrs(), name) {
			if s.DHCP == nil {
				dhcp := len(s.Addresses) == 0
				s.DHCP = &dhcp
			}
			return s
		}
	}
	yes := true
	return config.Interface{DHCP: &yes}
}

// run owns one interface until it goes away. A panic in a protocol library must not take PID 1 along.
func (m *Manager) run(ctx context.Context, l netlink.Link, s config.Interface, poke <-chan struct{}) {
	defer func() {
		if p := recover(); p != nil {
			m.logf("network %s: panic: %v", l.Attrs().Name, p)
		}
	}()
	if err := configure(l, s); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
	if err := m.yield(l); err != nil {
		m.logf("network %s: %v", l.Attrs().Name, err)
	}
	if *s.DHCP && joined(ctx, l, poke) {
		m.dhcp(ctx, l, poke)
	}
}
