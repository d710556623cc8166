// Package peers takes pieces of a release from machines of the same site instead of the server, so that a site downloads
// once. A machine that is about to fetch a release asks on its own networks who has it; what somebody has is taken there,
// and what somebody is fetching is taken as that machine gets on. If several begin at once, the one with the lowest node
// goes on, and the others take it from there.
//
// No other machine is trusted: the caller compares each piece with the signed index. One that gives a wrong piece, stalls
// or breaks off is not asked again for this release. If nobody gets on for a minute, the server is asked. An upgrade that
// would succeed without the package succeeds with it, later at most by Patience.Most.
package peers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/peers/lan"
	"github.com/proa-os/proa/init/upgrade/peers/question"
	"github.com/proa-os/proa/init/upgrade/peers/share"
)

// NodeOf names a machine to others. Its id is not for them (machine-id(5)), and cannot be found out from this.
func NodeOf(machineID string) (n question.Node) {
	sum := sha256.Sum256([]byte("proa peers 1\n" + machineID))
	copy(n[:], sum[:])
	return n
}

// Patience is how long others are waited for. Fields that are 0 have their defaults.
type Patience struct {
	Round time.Duration // for answers, before anything is decided; default 1 s
	Every time.Duration // between two questions afterwards; default 5 s
	Stand time.Duration // for somebody who does not get on; default 1 min
	Stall time.Duration // for the next bytes of a piece; default 10 s
	Most  time.Duration // in all, of one upgrade; default 2 h
}

func (p Patience) orDefault() Patience {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&p.Round, time.Second)
	set(&p.Every, 5*time.Second)
	set(&p.Stand, time.Minute)
	set(&p.Stall, 10*time.Second)
	set(&p.Most, 2*time.Hour)
	return p
}

// Site is how others are asked.
type Site struct {
	Node     question.Node
	Except   []string // interfaces on which nobody is asked, as lan.List has them
	Note     string   // share.File
	Patience Patience
}

const (
	// least is how many bytes somebody must get on by to be waited for.
	least = 64 << 10
	// mostGone is how many machines may be of no use until nobody is asked any more: each costs time.
	mostGone = 8
	// mostKnown is how many machines are remembered.
	mostKnown = 256
)

// peer is another machine.
type peer struct {
	question.Answer
	at    netip.AddrPort
	heard time.Time // the last answer
	since time.Time // when it last got on, or gave a piece
	mark  int64     // Moved at that time
	later time.Time // it is busy until then
	lacks map[string]bool
}

// Client takes one release from others, and says to them how far this machine is. It implements payload.Nearby.
type Client struct {
	Site
	sum   payload.Sum // of the manifest
	m     slotfile.Manifest
	http  *http.Client
	nonce question.Nonce
	tell  func(line string)
	tick  func(what string, done, total int64)
	stop  context.CancelFunc
	all   sync.WaitGroup

	mu     sync.Mutex
	known  map[question.Node]*peer
	gone   map[netip.Addr]bool
	gave   map[question.Node]bool
	last   question.Node // who gave the last piece
	note   share.Note
	noted  time.Time
	bytes  int64
	waited time.Duration
	lead   bool // somebody was worth to be waited for
}

// For returns a client for the slot with a manifest, which the caller has verified. Nobody is asked before Begin.
func (s Site) For(manifest []byte) (*Client, error) {
	m, err := slotfile.ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	s.Patience = s.Patience.orDefault()
	c := &Client{Site: s, sum: sha256.Sum256(manifest), m: m, stop: func() {},
		known: map[question.Node]*peer{}, gone: map[netip.Addr]bool{}, gave: map[question.Node]bool{}}
	c.note = share.Note{Manifest: string(manifest)}
	c.http = caller(s.Patience)
	_, _ = rand.Read(c.nonce[:]) // never fails
	return c, nil
}

// Begin asks who has the release, and decides: it returns at once if somebody has it or nobody is fetching it, and else
// when whoever fetches it has its boot files, or does not get on. tick is called while this machine waits.
func (c *Client) Begin(ctx context.Context, say func(line string), tick func(what string, done, total int64)) {
	list, err := lan.List(c.Except)
	if err != nil || len(list) == 0 {
		return
	}
	c.tell, c.tick = say, tick
	life, stop := context.WithCancel(context.Background())
	c.stop = stop
	for _, n := range list {
		for _, group := range n.Families() {
			if conn, err := n.Ask(group); err == nil { // others are a help, and no must
				c.all.Go(func() { c.ask(life, n, conn, group) })
			}
		}
	}
	c.elect(ctx)
	c.hold(ctx, wish{has: func(p *peer) bool { return p.Boot }, lacks: func(*peer) bool { return false }})
}

// Reading says that a file is about to be read, and how many bytes of the release were transferred so far.
func (c *Client) Reading(f slotfile.File, moved int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.note.State == 0 {
		return
	}
	boot := c.note.Boot || f.Name == slotfile.RootName // the last file
	changed := boot != c.note.Boot
	c.note.Boot, c.note.Moved = boot, max(c.note.Moved, moved)
	c.publish(changed)
}

// Flushed says how much of the root is on the medium.
func (c *Client) Flushed(root int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.note.State != 0 {
		c.note.Root = root
		c.publish(true)
	}
}

// Written says that the slot is complete.
func (c *Client) Written() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note.State, c.note.Boot, c.note.Root = question.Has, true, c.m.Root.Image
	c.publish(true)
}

// Given returns how many bytes came from others, and how many they were.
func (c *Client) Given() (bytes int64, nodes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes, len(c.gave)
}

// Follows says whether this machine takes the release from others, and little or nothing from the server.
func (c *Client) Follows() bool { return c.state() == question.Following }

// Close ends the questions, and what is said to others.
func (c *Client) Close() error {
	c.stop()
	c.all.Wait()
	c.http.CloseIdleConnections()
	return share.Remove(c.Note)
}

// publish writes the note: at once, or once a second.
func (c *Client) publish(atOnce bool) {
	if now := time.Now(); atOnce || now.Sub(c.noted) >= time.Second {
		c.noted = now
		_ = share.Write(c.Note, c.note) // others are told later, or not
	}
}
