package links

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/plan"
	"github.com/proa-os/proa/init/netup/wait"
)

// Event is a change of one interface.
type Event struct {
	plan.Link
	Before *plan.Link // as it was; nil: it is new
	Gone   bool
}

// Watcher passes the kernel's events of interfaces on to all subscribers, from one netlink subscription. Those without a
// device that proa has not made are left out: every pod has some.
type Watcher struct {
	logf func(string, ...any)
	// Hold says of a new interface that it is not told of yet: it gets another name first. nil: of none.
	Hold func(plan.Link) bool

	mu          sync.Mutex
	known       map[string]plan.Link
	subscribers []func(Event)
}

// NewWatcher returns a watcher that knows no interface yet.
func NewWatcher(logf func(string, ...any)) *Watcher {
	return &Watcher{logf: logf, known: map[string]plan.Link{}}
}

// Subscribe calls tell for the known interfaces, and later for each event. Events are told one after the other, so tell
// must not block.
func (w *Watcher) Subscribe(tell func(Event)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers = append(w.subscribers, tell)
	for _, l := range w.known {
		tell(Event{Link: l})
	}
}

// again is the pause before a broken subscription is renewed.
const again = time.Second

// Run follows the kernel's interfaces until the context ends. A burst of changes, as from many pods, can overflow the
// socket and end the subscription; a new one begins with a list of all interfaces.
func (w *Watcher) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.follow(ctx); err != nil {
			w.logf("network: %v", err)
		}
		wait.For(ctx, nil, again)
	}
}

// follow handles the existing interfaces, and then every change.
func (w *Watcher) follow(ctx context.Context) error {
	sub, end := context.WithCancel(ctx)
	defer end()
	updates := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribe(updates, sub.Done()); err != nil {
		return fmt.Errorf("subscribe to links: %w", err)
	}
	if _, err := w.Scan(); err != nil {
		return err
	}
	for u := range updates {
		if u.Family != unix.AF_BRIDGE { // an interface that leaves a bridge is "deleted" as its port
			w.update(of(u.Link), u.Header.Type == unix.RTM_DELLINK)
		}
	}
	return nil
}

// update handles an event. One that was sent before a renaming may come after a scan has seen that: if name and index are
// not those that are known, the kernel is asked for the present ones.
func (w *Watcher) update(l plan.Link, gone bool) {
	if !gone && w.contradicts(l) {
		now, err := byIndex(l.Attrs().Index)
		if err != nil {
			return // its end is told of by another event
		}
		l = now
	}
	w.see(l, gone)
}

func (w *Watcher) contradicts(l plan.Link) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, known := range w.known {
		if (name == l.Name()) != (known.Attrs().Index == l.Attrs().Index) {
			return true
		}
	}
	return false
}

// Scan lists the existing interfaces, and tells the subscribers of each and of those that are gone.
func (w *Watcher) Scan() ([]plan.Link, error) {
	list, err := List()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	there := map[string]int{}
	for _, l := range list {
		there[l.Name()] = l.Attrs().Index
	}
	for _, l := range w.without(there) {
		w.see(l, true)
	}
	for _, l := range list {
		w.see(l, false)
	}
	return list, nil
}

// without returns the known interfaces that are not there any more.
func (w *Watcher) without(there map[string]int) (gone []plan.Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, l := range w.known {
		if there[name] != l.Attrs().Index {
			gone = append(gone, l)
		}
	}
	return gone
}

// see tells the subscribers of an interface with a device, or made by proa.
func (w *Watcher) see(l plan.Link, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renamed(l)
	before, known := w.known[l.Name()]
	if known && !gone && before.Attrs().Index != l.Attrs().Index { // another one of the same name: the end of the first was missed
		w.tell(Event{Link: before, Gone: true})
		known = false
	}
	switch {
	case gone && known && before.Attrs().Index == l.Attrs().Index:
		delete(w.known, l.Name())
	case gone || l.Kind == plan.Virtual || !known && w.Hold != nil && w.Hold(l):
		return
	default:
		w.known[l.Name()] = l
	}
	e := Event{Link: l, Gone: gone}
	if known {
		e.Before = &before
	}
	w.tell(e)
}

// renamed tells the end of an interface under the name that it had.
func (w *Watcher) renamed(l plan.Link) {
	for name, before := range w.known {
		if name != l.Name() && l.Attrs().Index != 0 && before.Attrs().Index == l.Attrs().Index {
			delete(w.known, name)
			w.tell(Event{Link: before, Gone: true})
		}
	}
}

func (w *Watcher) tell(e Event) {
	for _, tell := range w.subscribers {
		tell(e)
	}
}
