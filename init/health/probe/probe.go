// Package probe tries the user's checks (health.checks): HTTP, TCP, a command, a workload of the cluster. Each try ends
// at its timeout, and what parses answers of servers runs in processes of its own: proa-fetch without privileges, kubectl
// with a limit of time and output. It decides nothing (init/health does) and never quotes a URL or a command, which may be
// secrets.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/proc"
)

// Prober tries checks. It may be used by several goroutines.
type Prober struct {
	Fetch  fetch.Client
	CAs    []string                                        // ca_certs of the configuration
	Start  func(proc.Spec) (*proc.Proc, error)             // proc.Reaper.Start
	Cgroup string                                          // directory for a cgroup per process; "": none
	Env    []string                                        // of commands
	Agent  bool                                            // this node has no administrator's kubeconfig
	Dial   func(context.Context, string) (net.Conn, error) // nil: TCP
}

// Try tries a check once. why is why it does not hold, in one line; empty: it holds.
func (p Prober) Try(ctx context.Context, c config.Check) (why string) {
	limit := span(c.Timeout, 10*time.Second)
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := guard.Call(func() error {
		switch c.Kind() {
		case "http":
			why = p.http(ctx, c, limit) // proa-fetch keeps the limit itself, and says what took so long
		case "tcp":
			why = p.tcp(bounded, c.TCP)
		case "command":
			_, why = p.run(bounded, []string{"/bin/sh", "-c", c.Command}, p.Env)
		case "workload":
			why = p.workload(bounded, c.Workload)
		default:
			why = "it asks for nothing"
		}
		return nil
	})
	if err != nil {
		why = err.Error()
	}
	return oneLine(why)
}

// All tries checks once, beside each other.
func (p Prober) All(ctx context.Context, checks []config.Check) []health.Check {
	out := make([]health.Check, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { out[i] = health.Check{Name: c.Name, Why: p.Try(ctx, c)} })
	}
	all.Wait()
	return out
}

// span is a duration of the configuration, which has checked it.
func span(s string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return otherwise
	}
	return d
}

func (p Prober) http(ctx context.Context, c config.Check, limit time.Duration) string {
	a, err := p.Fetch.Do(ctx, fetch.Request{URL: c.HTTP, CAs: p.CAs, Timeout: limit})
	var status *fetch.StatusError
	switch {
	case err != nil && !errors.As(err, &status):
		return err.Error()
	case c.Status == 0 && err != nil:
		return err.Error()
	case c.Status != 0 && a.Status != c.Status:
		return fmt.Sprintf("%s: HTTP status %d, want %d", fetch.Host(c.HTTP), a.Status, c.Status)
	}
	return ""
}

func (p Prober) tcp(ctx context.Context, address string) string {
	dial := p.Dial
	if dial == nil {
		dial = func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}
	}
	conn, err := dial(ctx, address)
	if err != nil {
		return err.Error()
	}
	_ = conn.Close() // that it was accepted is all
	return ""
}

// maxReason bounds a reason, which is shown on consoles.
const maxReason = 200

// oneLine returns text for a console.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(strings.TrimSpace(s), "?"))
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}
