// Package clusterask takes the cluster's requests to upgrade this machine, which the runtime passes on, to whatever
// upgrades it, each once. It starts nothing itself: without an upgrader a request is only shown.
package clusterask

import (
	"sync"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/supervise"
)

// Upgrader gets the requests.
type Upgrader interface {
	// Asked is called with each new request, and with the zero one when it is withdrawn. It must not block.
	Asked(nodeupgrade.Request)
	// Text is for the status; empty if there is nothing to say.
	Text() string
}

// Requests passes on what the runtime says. The zero value passes it to Shown.
type Requests struct {
	To Upgrader // nil: Shown; set before the first use

	mu    sync.Mutex
	last  nodeupgrade.Request
	shown Shown
}

func (q *Requests) to() Upgrader {
	if q.To == nil {
		return &q.shown
	}
	return q.To
}

// Heard looks at a service's facts. A runtime that starts has said nothing yet, which withdraws nothing.
func (q *Requests) Heard(f supervise.Facts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.Upgrade == nil || *f.Upgrade == q.last {
		return
	}
	q.last = *f.Upgrade
	q.to().Asked(q.last)
}

// Text is for the status.
func (q *Requests) Text() string { return q.to().Text() }

// Shown starts nothing: a request is shown, with what keeps it waiting.
type Shown struct {
	mu   sync.Mutex
	last nodeupgrade.Request
}

// Asked remembers the request.
func (u *Shown) Asked(r nodeupgrade.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = r
}

// Text says that a request waits.
func (u *Shown) Text() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last.ID == "" {
		return ""
	}
	return "the cluster asks to upgrade " + u.last.String() + "; it waits: upgrade.cluster in the configuration must permit it"
}
