package serve

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/proa-os/proa/init/upgrade/peers/lan"
	"github.com/proa-os/proa/init/upgrade/peers/port"
	"github.com/proa-os/proa/init/upgrade/peers/question"
)

// nets are the networks that this machine is attached to now.
type nets struct {
	mu   sync.Mutex
	list []lan.Net
}

func (n *nets) set(list []lan.Net) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = list
}

// near says whether an address is of one of them.
func (n *nets) near(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.list, func(one lan.Net) bool { return one.OnLink(a) })
}

// look is how often networks are looked for at first: addresses come after the service has begun.
const look = 2 * time.Second

// hear answers questions on each network, also those that come later, until the context ends.
func (s *Server) hear(ctx context.Context) {
	open := map[string]func(){}
	defer func() {
		for _, end := range open {
			end()
		}
	}()
	said := ""
	for n := 0; ctx.Err() == nil; n++ {
		list, err := lan.List(s.Except)
		if err == nil {
			s.nets.set(list)
			err = s.follow(list, open)
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			s.Say(said)
		}
		pause := later
		if n < 30 {
			pause = look
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// follow opens sockets on networks that are new, and closes those of networks that are gone.
func (s *Server) follow(list []lan.Net, open map[string]func()) (failed error) {
	there := map[string]bool{}
	for _, n := range list {
		for _, group := range n.Families() {
			key := n.String() + " " + group.String()
			there[key] = true
			if open[key] != nil {
				continue
			}
			c, err := n.Hear(group)
			if err != nil {
				failed = err
				continue
			}
			open[key] = func() { c.Close() }
			go s.replies(c, n)
		}
	}
	for key, end := range open {
		if !there[key] {
			end()
			delete(open, key)
		}
	}
	return failed
}

// replies answers the questions of one network until its socket is closed.
func (s *Server) replies(c *net.UDPConn, n lan.Net) {
	b := make([]byte, question.Size+1)
	for {
		got, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if from.Port() != port.Answers || !n.OnLink(from.Addr()) || !s.rate.allow(time.Now()) {
			continue
		}
		q, err := question.ParseQuestion(b[:got])
		if err != nil {
			continue
		}
		if a, ok := s.Slots.answer(q.Manifest); ok {
			a.Nonce, a.Node, a.Name, a.Port = q.Nonce, s.Node, s.Name, port.Pieces
			_, _ = c.WriteToUDPAddrPort(a.Encode(), from) // it will ask again
		}
	}
}

// perSecond is how many questions are looked at.
const perSecond = 50

// rate limits them.
type rate struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

func (r *rate) allow(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= time.Second {
		r.since, r.n = now, 0
	}
	r.n++
	return r.n <= perSecond
}
