package peers

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/upgrade/peers/lan"
	"github.com/proa-os/proa/init/upgrade/peers/port"
	"github.com/proa-os/proa/init/upgrade/peers/question"
)

// blink is how often it is looked whether others got on.
const blink = 100 * time.Millisecond

// ask sends questions on one network until the context ends, often while something is to be decided.
func (c *Client) ask(ctx context.Context, n lan.Net, conn *net.UDPConn, group netip.Addr) {
	defer conn.Close()
	c.all.Go(func() { c.listen(conn, n) })
	last := time.Time{}
	for {
		if s := c.state(); s == question.Asking || time.Since(last) >= c.Patience.Every {
			last = time.Now()
			_ = n.Send(conn, group, question.Question{Nonce: c.nonce, Manifest: c.sum}) // it asks again
		}
		if !c.pause(ctx, c.Patience.Round/4) {
			return
		}
	}
}

// listen remembers answers until the socket is closed.
func (c *Client) listen(conn *net.UDPConn, n lan.Net) {
	b := make([]byte, question.Size+1)
	for {
		got, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		a, err := question.ParseAnswer(b[:got])
		if err == nil && a.Nonce == c.nonce && a.Node != c.Node && from.Port() == port.Pieces && n.OnLink(from.Addr()) {
			c.hears(a, netip.AddrPortFrom(from.Addr(), a.Port), time.Now())
		}
	}
}

// hears remembers an answer.
func (c *Client) hears(a question.Answer, at netip.AddrPort, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.known[a.Node]
	if p == nil {
		if len(c.known) >= mostKnown || c.gone[at.Addr()] {
			return
		}
		p = &peer{at: at, since: now, mark: a.Moved, lacks: map[string]bool{}}
		c.known[a.Node] = p
	}
	if a.State > p.State || a.Boot && !p.Boot || a.Moved >= p.mark+least {
		p.since, p.mark = now, max(p.mark, a.Moved)
	}
	if now.Sub(p.heard) > c.stale() {
		p.at = at // it has another address now
	}
	p.Answer, p.heard = a, now
}

// stale is how old an answer may be: several have been lost, or the machine is busy, or it is gone.
func (c *Client) stale() time.Duration { return c.Patience.Stand / 2 }

// asked says whether somebody can be asked for pieces.
func (c *Client) asked(p *peer, now time.Time) bool {
	return now.Sub(p.heard) <= c.stale() && !c.gone[p.at.Addr()] && len(c.gone) < mostGone
}

// leads returns those who are worth to be waited for: they have the release or fetch it, or are about to and come before
// this machine, and get on.
func (c *Client) leads(now time.Time) (list []*peer) {
	for _, p := range c.known {
		if !c.asked(p, now) || now.Sub(p.since) > c.Patience.Stand {
			continue
		}
		if p.State == question.Has || p.State == question.Fetching || p.State == question.Asking && p.Node.Less(c.Node) {
			list = append(list, p)
		}
	}
	return list
}

func (c *Client) state() question.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.note.State
}

func (c *Client) become(s question.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note.State = s
	c.publish(true)
}

// elect asks for a while, and then decides who fetches the release: somebody else, or this machine. What others say is
// asked for until shortly before, so that of two who begin at once the second one hears of the first.
func (c *Client) elect(ctx context.Context) {
	c.become(question.Asking)
	if !c.pause(ctx, c.Patience.Round*5/4) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note.State = question.Following
	if len(c.leads(time.Now())) == 0 {
		c.note.State = question.Fetching
		if c.lead {
			c.say("no other machine of the site gets on with it: taking the rest from the server")
		}
	}
	c.lead = c.note.State == question.Following
	c.publish(true)
}

func (c *Client) say(line string) {
	if c.tell != nil {
		c.tell(line)
	}
}

// wish is what somebody is wanted to have.
type wish struct {
	has   func(*peer) bool // it has it
	lacks func(*peer) bool // it will not have it, though it has the release
}

// hold waits until somebody has what is wanted. false: nobody will, or this machine is the one that fetches.
func (c *Client) hold(ctx context.Context, w wish) bool {
	begin := time.Now()
	for c.state() == question.Following {
		now, wait, leads := c.look(w)
		switch {
		case now:
			return true
		case wait != nil && c.waited < c.Patience.Most:
			c.waits(wait, time.Since(begin))
			step.Moved(ctx)
		case leads > 0 && c.waited < c.Patience.Most:
			return false
		case leads > 0:
			c.say("other machines of the site were waited for long enough: taking the rest from the server")
			c.become(question.Fetching)
		default:
			c.elect(ctx)
		}
		if !c.pause(ctx, blink) {
			return false
		}
		c.waited += blink
	}
	return false
}

// look says whether somebody has what is wanted now, and else who may have it later, and how many get on at all.
func (c *Client) look(w wish) (now bool, wait *peer, leads int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	for _, p := range c.known {
		now = now || c.asked(p, at) && p.later.Before(at) && w.has(p) && !w.lacks(p)
	}
	list := c.leads(at)
	for _, p := range list {
		if !w.lacks(p) && (wait == nil || p.Node.Less(wait.Node)) {
			copied := *p
			wait = &copied
		}
	}
	return now, wait, len(list)
}

// waits tells the user whom this machine waits for: at the beginning, and later if it takes long.
func (c *Client) waits(p *peer, since time.Duration) {
	if c.tick != nil && (c.last == question.Node{} || since > 2*c.Patience.Every) {
		c.tick("waiting for "+p.called(), p.Root, c.m.Root.Image)
	}
}

// called names a machine for people.
func (p *peer) called() string {
	if p.Name == "" {
		return p.at.Addr().String()
	}
	return p.Name
}

// pause waits; false: the context ended.
func (c *Client) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
