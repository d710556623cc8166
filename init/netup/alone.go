package netup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
)

// How long to wait for a network, and the polling intervals without an event: long in the normal case, because each
// poll costs CPU time on a small machine.
const (
	alonePatience = 30 * time.Second
	aloneLook     = 2 * time.Second
	companyLook   = 15 * time.Second
)

// Served says whether k3s finds an address, of a network or of the machine's own interface.
func Served() bool { return links.Exists(plan.AloneName) || len(Addresses()) > 0 }

// ipv4 says whether there is an IPv4 address from a network.
func ipv4() bool {
	return slices.ContainsFunc(Addresses(), func(a Address) bool { return !strings.Contains(a.Address, ":") })
}

// followAddresses creates the machine's own interface if there has been no other IPv4 address for patience, and removes it once there
// is one.
func (m *Manager) followAddresses(ctx context.Context, patience time.Duration) {
	changes := make(chan netlink.AddrUpdate, 64)
	if err := netlink.AddrSubscribe(changes, ctx.Done()); err != nil {
		m.logf("network: follow addresses: %v", err)
		changes = nil // without a subscription it polls
	}
	var since time.Time // since when there is none; zero: there is one
	for {
		look := aloneLook
		switch {
		case ipv4():
			m.company()
			since, look = time.Time{}, companyLook
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= patience:
			m.alone(patience)
		}
		select {
		case <-ctx.Done():
			return
		case _, more := <-changes:
			if !more {
				changes = nil
			}
		case <-time.After(look):
		}
	}
}

// alone creates the interface, and logs that and the reason once.
func (m *Manager) alone(after time.Duration) {
	if links.Exists(plan.AloneName) {
		return
	}
	err := m.makeAlone()
	text := fmt.Sprintf("no network: no IPv4 address after %s (%s)", after, strings.Join(m.reasons(), "; "))
	switch {
	case err != nil && !m.lonely:
		m.logf("%s; Kubernetes has to wait for one: %v", text, err)
	case err == nil:
		m.logf("%s; this machine serves itself until there is one", text)
	}
	m.lonely = true
}

func (m *Manager) makeAlone() error {
	if m.Load != nil {
		_ = m.Load("dummy", "numdummies=0") // without it the module creates an interface of its own
	}
	if err := links.Apply(m.sys, nil, plan.Alone()); err != nil {
		m.company()
		return fmt.Errorf("%s: %w", plan.AloneName, err)
	}
	return nil
}

// company removes the interface: there is an address of a network now.
func (m *Manager) company() {
	m.lonely = false
	l, err := links.ByName(plan.AloneName)
	if err != nil {
		return
	}
	if err := links.Apply(m.sys, l, []plan.Op{plan.Delete{}}); err != nil {
		m.logf("network: remove %s: %v", plan.AloneName, err)
		return
	}
	m.logf("network: an IPv4 address is there, %s is removed", plan.AloneName)
}

// reasons returns for each interface why it has no address.
func (m *Manager) reasons() (out []string) {
	present, err := links.List()
	if err != nil {
		return []string{err.Error()}
	}
	for _, l := range present {
		s := plan.Settings(m.network(), l)
		_, member := plan.Master(m.network(), l)
		switch {
		case l.Kind == plan.Virtual || member || s.Optional || s.Dummy:
		case l.Kind == plan.Radio && !l.Running():
			out = append(out, l.Name()+": has joined no wireless network")
		case !l.Running():
			out = append(out, l.Name()+": no cable, or nothing at its other end")
		case *s.DHCP:
			out = append(out, l.Name()+": nobody answers DHCP")
		default:
			out = append(out, l.Name()+": its addresses could not be set")
		}
	}
	if out == nil {
		return []string{"this machine has no network adapter that works"}
	}
	slices.Sort(out)
	return out
}
