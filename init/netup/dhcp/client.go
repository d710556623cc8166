// Package dhcp is a DHCPv4 client for one interface: it gets and keeps a lease as RFC 2131 describes. It validates
// answers: an address that is invalid is skipped and one in use declined, an answer of another server is ignored, and
// other invalid values are ignored and reported. It does not configure the interface: its owner does, by callbacks.
package dhcp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/netup/wait"
)

// Backoff between attempts: short at first, because a switch port may need seconds to open; later long, so as not to
// load the network.
const (
	firstPause = 1 * time.Second
	lastPause  = 30 * time.Second
)

// Client gets and keeps an address for one interface (RFC 2131, section 4.4). Where the RFC leaves a choice it keeps
// the address: a lease that has not expired and was not refused is valid, even if no server answers. All exported
// fields must be set before Run.
type Client struct {
	Link     netlink.Link
	Hostname string                           // sent to servers, which may register it in DNS
	Poke     <-chan struct{}                  // the cable was plugged in; closed: the interface is gone
	Adopt    func(now Lease, before *Lease)   // configures a lease on the interface; before is nil if there was none
	Drop     func(Lease)                      // removes a lease from the interface
	Logf     func(format string, args ...any) // logs to the console

	lease *Lease // current lease
	until time.Time
	renew time.Time
	bind  time.Time
	pause time.Duration
	told  bool // a failure was logged; logged once, not at every attempt
}

// state runs one state of the protocol and returns the next one. nil: the interface is gone.
type state func(*Client, context.Context) state

// Run runs the state machine until ctx ends or Poke is closed. Failures are logged once and retried forever.
func (d *Client) Run(ctx context.Context) {
	d.pause = firstPause
	for next := state((*Client).discover); next != nil && ctx.Err() == nil; {
		next = next(d, ctx)
	}
}

// discover gets an address (INIT to REQUESTING). A current address, kept because it is not known whether the network is
// still the same, is requested first.
func (d *Client) discover(ctx context.Context) state {
	answer, woken, err := wait.Talk(ctx, d.Poke, d.end(), d.ask)
	if err == nil {
		return d.take(answer)
	}
	if woken != wait.TimedOut {
		return d.anew(woken)
	}
	d.complain(err)
	pause := min(d.pause, max(time.Until(d.end()), 0))
	d.pause = min(2*d.pause, lastPause)
	if woken := wait.For(ctx, d.Poke, pause); woken != wait.TimedOut {
		return d.anew(woken)
	}
	d.expire()
	return (*Client).discover
}

// end returns when the current address expires; the zero time without one.
func (d *Client) end() time.Time {
	if d.lease == nil {
		return when(time.Now(), Forever)
	}
	return d.until
}

// anew restarts if the cable was plugged in, because the network may be another one.
func (d *Client) anew(why wait.Woken) state {
	d.pause = firstPause
	switch {
	case why == wait.Gone:
		return nil
	case d.lease == nil:
		return (*Client).discover
	}
	return (*Client).reboot
}

// bound waits for T1.
func (d *Client) bound(ctx context.Context) state {
	if woken := wait.For(ctx, d.Poke, time.Until(d.renew)); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return (*Client).renewing
}

// reboot verifies whether the address is valid in the network that the cable is plugged into now (INIT-REBOOT). Without
// an answer it is unknown: servers do not answer for addresses of other networks. Then it continues with discover.
func (d *Client) reboot(ctx context.Context) state {
	answer, woken, err := wait.Talk(ctx, d.Poke, d.until, d.confirm)
	return d.judge(answer, woken, err, func() state { return (*Client).discover })
}

// renewing renews from the server of the lease; rebinding from any server.
func (d *Client) renewing(ctx context.Context) state {
	if d.lease.Server == nil || !time.Now().Before(d.bind) {
		return (*Client).rebinding
	}
	answer, woken, err := wait.Talk(ctx, d.Poke, d.bind, d.extend)
	return d.judge(answer, woken, err, func() state { return d.later(ctx, d.bind, (*Client).renewing) })
}

func (d *Client) rebinding(ctx context.Context) state {
	answer, woken, err := wait.Talk(ctx, d.Poke, d.until, d.extendAnywhere)
	return d.judge(answer, woken, err, func() state {
		d.complain(err)
		if d.expire() {
			return (*Client).discover
		}
		return d.later(ctx, d.until, (*Client).rebinding)
	})
}

// later retries after half of the remaining time (section 4.4.5), within limits.
func (d *Client) later(ctx context.Context, end time.Time, again state) state {
	if woken := wait.Half(ctx, d.Poke, end); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return again
}

// judge returns the next state: after a valid answer, or without one.
func (d *Client) judge(answer *Lease, woken wait.Woken, err error, silence func() state) state {
	var no *refusal
	switch {
	case err == nil:
		return d.take(answer)
	case woken != wait.TimedOut:
		return d.anew(woken)
	case errors.As(err, &no):
		d.lose(err)
		return (*Client).discover
	}
	return silence()
}

// way describes the gateway for the log.
func way(gateway net.IP) string {
	if gateway == nil {
		return "without a router"
	}
	return "via " + gateway.String()
}

// take makes an answer the current lease.
func (d *Client) take(answer *Lease) state {
	name, before := d.Link.Attrs().Name, d.lease
	d.Adopt(*answer, before)
	if before == nil || before.Address.String() != answer.Address.String() || d.told {
		d.Logf("network %s: dhcp: %s %s", name, answer.Address, way(answer.Gateway))
		announce(d.Link, answer.Address.IP)
	}
	if len(answer.Refused) > 0 && (before == nil || len(before.Refused) == 0) {
		d.Logf("network %s: dhcp: not used of what %s says: %s", name, answer.Server, join(answer.Refused))
	}
	d.lease, d.pause, d.told = answer, firstPause, false
	now := time.Now()
	d.renew, d.bind, d.until = now.Add(jitter(answer.Renew)), when(now, answer.Rebind), when(now, answer.Expire)
	return (*Client).bound
}

// when returns a time in the far future for infinite times.
func when(now time.Time, d time.Duration) time.Time { return now.Add(min(d, infinite)) }

// jitter spreads the requests of many machines after a common power cut (required by section 4.4.5).
func jitter(d time.Duration) time.Duration {
	d = min(d, infinite)
	return d - rand.N(d/20+1)
}

// expire gives up an expired address.
func (d *Client) expire() bool {
	if d.lease == nil || time.Now().Before(d.until) {
		return false
	}
	d.lose(errors.New("its lease has ended"))
	return true
}

func (d *Client) lose(why error) {
	d.Logf("network %s: dhcp: lost %s: %v", d.Link.Attrs().Name, d.lease.Address, why)
	d.Drop(*d.lease)
	d.lease = nil
}

func (d *Client) complain(err error) {
	if !d.told {
		d.Logf("network %s: dhcp: %v; asking again for ever", d.Link.Attrs().Name, err)
		d.told = true
	}
}
