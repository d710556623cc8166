// Package clusterask passes the cluster's requests to upgrade this machine, which the runtime tells PID 1, on to the
// engine's service, in a file. It starts nothing itself, and without the user's permission a request is only shown.
package clusterask

import (
	"errors"
	"os"
	"sync"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/supervise"
)

// Requests has the last request. The zero value shows it only.
type Requests struct {
	File      string      // nodeupgrade.RequestFile; set before the first use
	Permitted func() bool // upgrade.cluster of the configuration in force

	mu   sync.Mutex
	last nodeupgrade.Request
	err  error // of the file
}

// Heard looks at a service's facts. A runtime that starts has said nothing yet, which withdraws nothing.
func (q *Requests) Heard(f supervise.Facts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.Upgrade == nil || *f.Upgrade == q.last {
		return
	}
	q.last = *f.Upgrade
	q.err = q.pass()
}

// pass writes the file, or removes it when the request is withdrawn. Only root can read it: a source may have a secret.
func (q *Requests) pass() error {
	if q.File == "" {
		return nil
	}
	if q.last.ID == "" {
		if err := os.Remove(q.File); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return atomicfile.Write(q.File, []byte(q.last.Encode()), 0o600)
}

// Text is for the status; empty if nothing is asked.
func (q *Requests) Text() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	text := "the cluster asks to upgrade " + q.last.String()
	switch {
	case q.last.ID == "":
		return ""
	case q.err != nil:
		return text + "; it cannot be passed on: " + q.err.Error()
	case q.Permitted == nil || !q.Permitted():
		return text + "; it waits: upgrade.cluster in the configuration must permit it"
	}
	return text + "; see proa upgrade status"
}
