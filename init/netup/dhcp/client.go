// Package dhcp refuses what an answer should not say: an address that no machine can have or that somebody has already is declined or passed
// over, another server's answer than the one asked is none, and of the rest what cannot be true is left out and named. What is left is a lease of
// IPv4 for one interface, had and kept as RFC 2131 describes it. It does not touch the interface: its owner does, and is told by function.
package dhcp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/proa-os/proa/init/guard"
	"github.com/proa-os/proa/init/netup/wait"
)

// Waiting between attempts: quick at first, because a switch port may need seconds to open; later seldom enough not to be a nuisance.
const (
	firstPause = 1 * time.Second
	lastPause  = 30 * time.Second
)

// Client has an address for one interface, as RFC 2131, section 4.4, describes it. Where it says "may", the address is kept: a lease that has
// not ended and that nobody has refused is good, whoever keeps silent. The exported fields are set before Run, all of them.
type Client struct {
	Link     netlink.Link
	Hostname string                           // what servers are told, and may put into DNS
	Poke     <-chan struct{}                  // the cable was put in; closed: there is no interface any more
	Adopt    func(now Lease, before *Lease)   // makes a lease the interface's; before is nil if there was none
	Drop     func(Lease)                      // takes it away
	Logf     func(format string, args ...any) // for the console

	lease *Lease // held now
	until time.Time
	renew time.Time
	bind  time.Time
	pause time.Duration
	told  bool // of the present trouble; once per trouble, not once per attempt
}

// state does what is to be done in one state of the protocol, and returns the next. nil: there is no interface any more.
type state func(*Client, context.Context) state

// Run goes from state to state for as long as the interface is there: until ctx ends or Poke is closed. What goes wrong is logged, once per
// trouble, and tried again for ever.
func (d *Client) Run(ctx context.Context) {
	d.pause = firstPause
	for next := state((*Client).discover); next != nil && ctx.Err() == nil; {
		next = next(d, ctx)
	}
}

// discover asks everybody for an address (INIT to REQUESTING). One that is held meanwhile, because nobody knows whether the cable is still in
// the network it came from, is asked for first.
func (d *Client) discover(ctx context.Context) state {
	answer, woken, err := d.talk(ctx, d.end(), d.ask)
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

// end is when an address that is held must be given up; without one there is nothing to give up.
func (d *Client) end() time.Time {
	if d.lease == nil {
		return when(time.Now(), Forever)
	}
	return d.until
}

// anew: the cable was put in, so that what was known or under way may be another network's.
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

// reboot asks whether the address is one of the network that the cable is in now (INIT-REBOOT). No answer says nothing: it may be another network,
// whose server does not speak for addresses it does not know. So an address is asked for as if there were none.
func (d *Client) reboot(ctx context.Context) state {
	answer, woken, err := d.talk(ctx, d.until, d.confirm)
	return d.judge(answer, woken, err, func() state { return (*Client).discover })
}

// renewing asks the server that gave the address; rebinding asks everybody.
func (d *Client) renewing(ctx context.Context) state {
	if d.lease.Server == nil || !time.Now().Before(d.bind) {
		return (*Client).rebinding
	}
	answer, woken, err := d.talk(ctx, d.bind, d.extend)
	return d.judge(answer, woken, err, func() state { return d.later(ctx, d.bind, (*Client).renewing) })
}

func (d *Client) rebinding(ctx context.Context) state {
	answer, woken, err := d.talk(ctx, d.until, d.extendAnywhere)
	return d.judge(answer, woken, err, func() state {
		d.complain(err)
		if d.expire() {
			return (*Client).discover
		}
		return d.later(ctx, d.until, (*Client).rebinding)
	})
}

// later tries again at half of the time that is left (section 4.4.5), seldom when much is left.
func (d *Client) later(ctx context.Context, end time.Time, again state) state {
	left := max(time.Until(end), 0)
	if woken := wait.For(ctx, d.Poke, min(max(left/2, time.Second), left)); woken != wait.TimedOut {
		return d.anew(woken)
	}
	return again
}

// talk speaks with servers until there is an answer, the time is over, or the cable was put in, after which an answer would be to something
// else. woken says which of them ended it.
func (d *Client) talk(ctx context.Context, end time.Time, speak func(context.Context) (*Lease, error)) (*Lease, wait.Woken, error) {
	ctx, stop := context.WithDeadline(ctx, end)
	defer stop()
	type result struct {
		lease *Lease
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = guard.Call(func() (err error) { // a panic in the protocol's library must not take PID 1 along
			r.lease, err = speak(ctx)
			return err
		})
		done <- r
	}()
	select {
	case r := <-done:
		return r.lease, wait.TimedOut, r.err
	case _, there := <-d.Poke:
		stop()
		<-done // nothing that it reads may change meanwhile
		if there {
			return nil, wait.Poked, errPoked
		}
		return nil, wait.Gone, errPoked
	}
}

var errPoked = errors.New("the cable was put in anew")

// judge: an answer that counts leads on; without one, silence decides.
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

// way out of the network.
func way(gateway net.IP) string {
	if gateway == nil {
		return "without a router"
	}
	return "via " + gateway.String()
}

// take makes an answer the lease that is held.
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

// when is a time of the far future for what never ends.
func when(now time.Time, d time.Duration) time.Time { return now.Add(min(d, infinite)) }

// jitter keeps a building that had a power cut from asking all at once (section 4.4.5 wants it).
func jitter(d time.Duration) time.Duration {
	d = min(d, infinite)
	return d - rand.N(d/20+1)
}

// expire gives an address up whose time is over.
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
