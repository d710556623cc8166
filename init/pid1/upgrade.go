package pid1

import (
	"sync"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/supervise"
)

// upgrader gets the cluster's requests to upgrade this machine.
type upgrader interface {
	// Asked is called with each new request, and with the zero one when it is withdrawn. It must not block.
	Asked(nodeupgrade.Request)
	// Text is for the status; empty if there is nothing to say.
	Text() string
}

// requests passes on what the runtime says, each request once.
type requests struct {
	to   upgrader
	mu   sync.Mutex
	last nodeupgrade.Request
}

// heard looks at a service's facts. A runtime that starts has said nothing yet, which withdraws nothing.
func (q *requests) heard(f supervise.Facts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to == nil || f.Upgrade == nil || *f.Upgrade == q.last {
		return
	}
	q.last = *f.Upgrade
	q.to.Asked(q.last)
}

// text is for the status.
func (q *requests) text() string {
	if q.to == nil {
		return ""
	}
	return q.to.Text()
}

// noUpgrader starts nothing: a request is only shown, with what keeps it waiting.
type noUpgrader struct {
	mu   sync.Mutex
	last nodeupgrade.Request
}

// Asked remembers the request.
func (u *noUpgrader) Asked(r nodeupgrade.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = r
}

// Text says that a request waits.
func (u *noUpgrader) Text() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last.ID == "" {
		return ""
	}
	return "the cluster asks to upgrade " + u.last.String() + "; it waits: upgrade.cluster in the configuration must permit it"
}
