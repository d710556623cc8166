// Package dhcp6 is a DHCPv6 client for one interface: it gets and keeps the addresses of one identity association as RFC
// 8415 describes. It refuses answers that are not for it, that have no server or no address of a machine, and other
// invalid values, which it reports. Prefix delegation, temporary addresses and routes are not requested: routes are from
// router advertisements. It does not configure the interface: its owner does, by callbacks.
package dhcp6

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/netup/wait"
)

// Backoff between attempts.
const (
	firstPause = 1 * time.Second
	lastPause  = 30 * time.Second
)

// Client gets and keeps addresses for one interface (RFC 8415, section 18.2). All exported fields must be set before
// Run.
type Client struct {
	Link  netlink.Link
	Poke  <-chan struct{}                  // the cable was plugged in; closed: end
	Adopt func(now Lease, before *Lease)   // configures a lease on the interface; before is nil if there was none
	Drop  func(Lease)                      // removes a lease from the interface
	Logf  func(format string, args ...any) // logs to the console

	lease              *Lease
	renew, bind, until time.Time
	pause              time.Duration
	told               bool // a failure was logged; logged once, not at every attempt
	closed             bool // Poke was closed
}

// state runs one state of the protocol and returns the next one; nil: end.
type state func(*Client, context.Context) state

// Run runs the state machine until ctx ends or Poke is closed. In the latter case a lease is given back. Failures are
// logged once and retried forever.
func (d *Client) Run(ctx context.Context) {
	d.pause = firstPause
	for next := state((*Client).solicit); next != nil && ctx.Err() == nil; {
		next = next(d, ctx)
	}
	if d.closed && d.lease != nil && ctx.Err() == nil {
		_ = guard.Call(func() error { return d.release(ctx) }) // without an answer it expires there
		d.Drop(*d.lease)
	}
}

// solicit finds a server and requests addresses from it (sections 18.2.1 and 18.2.2).
func (d *Client) solicit(ctx context.Context) state {
	lease, woken, err := wait.Talk(ctx, d.Poke, time.Now().Add(time.Minute), d.ask)
	switch {
	case err == nil:
		return d.take(lease)
	case woken != wait.TimedOut:
		return d.anew(woken)
	}
	d.complain(err)
	pause := d.pause
	d.pause = min(2*d.pause, lastPause)
	if woken := wait.For(ctx, d.Poke, pause); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return (*Client).solicit
}

// anew goes on after the cable was plugged in: what is there may be of another network.
func (d *Client) anew(why wait.Woken) state {
	d.pause = firstPause
	switch {
	case why == wait.Gone:
		d.closed = true
		return nil
	case d.lease == nil:
		return (*Client).solicit
	}
	return (*Client).confirm
}

// bound waits for T1.
func (d *Client) bound(ctx context.Context) state {
	if woken := wait.For(ctx, d.Poke, time.Until(d.renew)); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return (*Client).renewing
}

// confirm asks whether the addresses fit the network (section 18.2.3). Without an answer they are kept.
func (d *Client) confirm(ctx context.Context) state {
	_, woken, err := wait.Talk(ctx, d.Poke, d.until, d.fits)
	var no *refusal
	switch {
	case woken != wait.TimedOut:
		return d.anew(woken)
	case errors.As(err, &no):
		d.lose(err)
		return (*Client).solicit
	}
	return (*Client).bound
}

// renewing extends the lease at its server, rebinding at any server (sections 18.2.4 and 18.2.5).
func (d *Client) renewing(ctx context.Context) state {
	if !time.Now().Before(d.bind) {
		return (*Client).rebinding
	}
	lease, woken, err := wait.Talk(ctx, d.Poke, d.bind, d.extend)
	return d.judge(lease, woken, err, func() state { return d.later(ctx, d.bind, (*Client).renewing) })
}

func (d *Client) rebinding(ctx context.Context) state {
	lease, woken, err := wait.Talk(ctx, d.Poke, d.until, d.extendAnywhere)
	return d.judge(lease, woken, err, func() state {
		d.complain(err)
		if !time.Now().Before(d.until) {
			d.lose(errors.New("its lease has ended"))
			return (*Client).solicit
		}
		return d.later(ctx, d.until, (*Client).rebinding)
	})
}

// later retries after half of the remaining time, within limits.
func (d *Client) later(ctx context.Context, end time.Time, again state) state {
	if woken := wait.Half(ctx, d.Poke, end); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return again
}

// judge returns the next state: after a valid answer, or without one.
func (d *Client) judge(lease *Lease, woken wait.Woken, err error, silence func() state) state {
	var no *refusal
	switch {
	case err == nil:
		return d.take(lease)
	case woken != wait.TimedOut:
		return d.anew(woken)
	case errors.As(err, &no):
		d.lose(err)
		return (*Client).solicit
	}
	return silence()
}

// take makes an answer the current lease.
func (d *Client) take(lease *Lease) state {
	before := d.lease
	d.Adopt(*lease, before)
	if before == nil || before.text() != lease.text() || d.told {
		d.Logf("network %s: dhcp6: %s", d.Link.Attrs().Name, lease.text())
	}
	if len(lease.Refused) > 0 && (before == nil || len(before.Refused) == 0) {
		d.Logf("network %s: dhcp6: ignored in the answer: %s", d.Link.Attrs().Name, join(lease.Refused))
	}
	d.lease, d.pause, d.told = lease, firstPause, false
	now := time.Now()
	d.renew, d.bind, d.until = now.Add(lease.Renew-rand.N(lease.Renew/20+1)), now.Add(lease.Rebind), now.Add(lease.Expire)
	return (*Client).bound
}

func (d *Client) lose(why error) {
	d.Logf("network %s: dhcp6: lost %s: %v", d.Link.Attrs().Name, d.lease.text(), why)
	d.Drop(*d.lease)
	d.lease = nil
}

func (d *Client) complain(err error) {
	if !d.told {
		d.Logf("network %s: dhcp6: %v; retrying", d.Link.Attrs().Name, err)
		d.told = true
	}
}
