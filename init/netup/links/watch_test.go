package links

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/plan"
)

func link(name string, kind plan.Kind, flags uint32) plan.Link {
	return plan.Link{Link: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name, RawFlags: flags}}, Kind: kind}
}

// events returns what a subscriber is told, one word per event: "+" for new, "-" for gone, and whether it was and is
// running.
func events(w *Watcher) func() string {
	var said []string
	w.Subscribe(func(e Event) {
		word := "+" + e.Name()
		switch {
		case e.Gone:
			word = "-" + e.Name()
		case e.Before != nil:
			word = fmt.Sprintf("%s:%t>%t", e.Name(), e.Before.Running(), e.Running())
		}
		said = append(said, word)
	})
	return func() string { return strings.Join(said, " ") }
}

// TestSubscribers: each subscriber is told of the same events, a late one first of what exists; nobody is told of
// interfaces without a device, nor that one is gone which was never there.
func TestSubscribers(t *testing.T) {
	w := NewWatcher(t.Logf)
	early := events(w)
	w.see(link("eth0", plan.Wired, 0), false)
	w.see(link("veth1", plan.Virtual, 0), false)
	w.see(link("eth0", plan.Wired, unix.IFF_RUNNING), false)
	late := events(w)
	w.see(link("veth1", plan.Virtual, 0), true)
	w.see(link("eth0", plan.Virtual, 0), true) // its device is gone already
	w.see(link("eth0", plan.Wired, 0), true)
	w.see(link("eth0", plan.Wired, unix.IFF_RUNNING), false)
	if d := cmp.Diff("+eth0 eth0:false>true -eth0 +eth0", early()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("+eth0 -eth0 +eth0", late()); d != "" {
		t.Error(d)
	}
}

// TestNamesake: of two interfaces of one name in a row each is told of, even if the end of the first was missed.
func TestNamesake(t *testing.T) {
	w := NewWatcher(t.Logf)
	said := events(w)
	first, second := link("eth0", plan.Wired, 0), link("eth0", plan.Wired, 0)
	first.Attrs().Index, second.Attrs().Index = 2, 3
	w.see(first, false)
	w.see(second, false)
	w.see(first, true) // late
	w.see(second, true)
	if d := cmp.Diff("+eth0 -eth0 +eth0 -eth0", said()); d != "" {
		t.Error(d)
	}
}
