package netup

import (
	"context"
	"slices"

	"github.com/proa-os/proa/init/netup/links"
	"github.com/proa-os/proa/init/netup/plan"
)

// hold keeps an interface from the subscribers until it has the name that the configuration has for it, or cannot get it.
func (m *Manager) hold(l plan.Link) bool {
	if !plan.Misnamed(m.network(), l) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept[l.Attrs().Index] {
		return false
	}
	m.partsChanged()
	return true
}

// rename gives interfaces the names that the configuration has for them. What is in force on them under their old names
// is undone before, and set anew as they are seen under the new ones. Wi-Fi adapters in use keep theirs, as all of Wi-Fi
// stays as it is until the next boot. Manager.hand is held.
func (m *Manager) rename(ctx context.Context) {
	present, err := links.List()
	if err != nil {
		m.logf("network: list links: %v", err)
		return
	}
	inUse := func(l plan.Link) bool { return l.Kind == plan.Radio && m.port(l.Name()) != nil }
	tasks := plan.Renames(m.network(), present, m.named, inUse)
	for _, t := range tasks {
		m.vacate(ctx, t.Name)
	}
	for _, t := range tasks {
		if _, known := m.named[t.Link.Attrs().Index]; m.do(t) && !known {
			m.named[t.Link.Attrs().Index] = t.Name
		}
	}
	if slices.ContainsFunc(present, func(l plan.Link) bool { return plan.Misnamed(m.network(), l) }) {
		m.keepNames()
	}
	if len(tasks) > 0 {
		m.notice()
		m.refresh(ctx, tasks)
	}
}

// keepNames lets those be used under the name they have that could not be renamed, and says why.
func (m *Manager) keepNames() {
	present, err := links.List()
	if err != nil {
		return // logged by rename
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range present {
		if index := l.Attrs().Index; plan.Misnamed(m.network(), l) && !m.kept[index] {
			m.kept[index] = true
			m.logf("network %s: it keeps its name: the one that `rename` gives it belongs to an interface that cannot be renamed, "+
				"or it is a Wi-Fi adapter in use, which is renamed at the next boot", l.Name())
		}
	}
}

// vacate undoes what is in force on an interface, and forgets it.
func (m *Manager) vacate(ctx context.Context, name string) {
	p := m.port(name)
	if p == nil {
		return
	}
	m.keep(ctx, p, &p.v4, false, nil)
	m.keep(ctx, p, &p.v6, false, nil)
	p.quit()
	if now, err := links.ByName(name); err == nil {
		if err := links.Apply(m.sys, now, plan.Difference(p.plain, p.ops, nil)); err != nil {
			m.logf("network %s: %v", name, err)
		}
	}
	m.forget(name)
}

// refresh sets anew what is made of renamed interfaces: the kernel may have set them down for it, and dropped the routes.
func (m *Manager) refresh(ctx context.Context, tasks []plan.Task) {
	for _, t := range tasks {
		now, err := links.ByName(string(t.Ops[0].(plan.Rename)))
		if err != nil {
			continue // the name was for the time between
		}
		for _, name := range plan.Above(m.network(), now) {
			if l, err := links.ByName(name); err == nil && m.port(name) != nil {
				m.settle(ctx, m.port(name), true)
				m.plugged(ctx, l)
			}
		}
	}
}

func (m *Manager) port(name string) *port {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun[name]
}
