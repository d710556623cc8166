package peers

import (
	"net/netip"
	"testing"
	"time"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/peers/question"
)

// client is one that has begun, with the default patience.
func client(node byte) *Client {
	c := &Client{Site: Site{Node: question.Node{node}, Patience: Patience{}.orDefault()}, stop: func() {}, known: map[question.Node]*peer{}, gone: map[netip.Addr]bool{}, gave: map[question.Node]bool{}}
	c.note.State = question.Asking
	return c
}

func (c *Client) told(node byte, s question.State, moved int64, now time.Time) *peer {
	n := question.Node{node}
	c.hears(question.Answer{Node: n, State: s, Moved: moved, Port: 1, Root: moved}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, node}), 1), now)
	return c.known[n]
}

// TestLeads: who is worth to be waited for.
func TestLeads(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		hear func(c *Client)
		want int
	}{
		"nobody":                     {func(*Client) {}, 0},
		"one has it":                 {func(c *Client) { c.told(9, question.Has, 0, now) }, 1},
		"one fetches it":             {func(c *Client) { c.told(9, question.Fetching, 0, now) }, 1},
		"one follows":                {func(c *Client) { c.told(1, question.Following, 0, now) }, 0},
		"one asks and comes before":  {func(c *Client) { c.told(1, question.Asking, 0, now) }, 1},
		"one asks and comes after":   {func(c *Client) { c.told(9, question.Asking, 0, now) }, 0},
		"one was not heard for long": {func(c *Client) { c.told(9, question.Fetching, 0, now.Add(-31*time.Second)) }, 0},
		"one stands": {func(c *Client) {
			for at := -70 * time.Second; at <= 0; at += 5 * time.Second {
				c.told(9, question.Fetching, 1000+int64(at.Seconds()), now.Add(at)) // a few bytes are nothing
			}
		}, 0},
		"one gets on": {func(c *Client) {
			for at := -70 * time.Second; at <= 0; at += 5 * time.Second {
				c.told(9, question.Fetching, 1<<30+int64(at.Seconds())*least, now.Add(at))
			}
		}, 1},
		"one lied": {func(c *Client) {
			p := c.told(9, question.Has, 0, now)
			c.judge(p, nil, errWrong)
			c.told(8, question.Has, 0, now)
		}, 1},
		"too many lied": {func(c *Client) {
			for i := range byte(mostGone) {
				c.judge(c.told(20+i, question.Has, 0, now), nil, errWrong)
			}
			c.told(9, question.Has, 0, now)
		}, 0},
	} {
		cl := client(5)
		c.hear(cl)
		if got := cl.leads(now); len(got) != c.want {
			t.Errorf("%s: %d", name, len(got))
		}
	}
}

// TestMostKnown: no more machines are remembered, whatever is sent.
func TestMostKnown(t *testing.T) {
	c := client(5)
	for i := range 4 * mostKnown {
		c.hears(question.Answer{Node: question.Node{1, byte(i), byte(i >> 8)}, State: question.Has, Port: 1}, netip.MustParseAddrPort("10.9.0.1:1"), time.Now())
	}
	if len(c.known) > mostKnown {
		t.Errorf("%d", len(c.known))
	}
}

// TestAble: who can be asked for a part: whoever has it, is not busy, and has not said that it has no such file.
func TestAble(t *testing.T) {
	root, boot := slotfile.File{Name: slotfile.RootName, SHA256: "r"}, slotfile.File{Name: "boot/initrd", SHA256: "i"}
	script := slotfile.File{Name: "boot-b/grub.cfg", SHA256: "s"}
	now := time.Now()
	c := client(5)
	c.told(1, question.Has, 0, now)
	half := c.told(2, question.Fetching, 1000, now)
	busy, lacks := c.told(3, question.Has, 0, now), c.told(4, question.Has, 0, now)
	c.judge(busy, nil, errBusy)
	c.judge(lacks, []payload.Part{{File: script}}, errLacks)
	c.judge(c.told(6, question.Has, 0, now), []payload.Part{{File: boot}}, errLacks) // it is asked anew first
	for _, w := range []struct {
		part payload.Part
		want int
	}{
		{payload.Part{File: root, Offset: 500, Length: 500}, 3},
		{payload.Part{File: root, Offset: 500, Length: 501}, 2},
		{payload.Part{File: boot, Length: 5}, 2},
		{payload.Part{File: script, Length: 5}, 1},
	} {
		if list := c.able(wishFor([]payload.Part{w.part})); len(list) != w.want {
			t.Errorf("%+v: %d can give it", w.part, len(list))
		}
	}
	half.Boot = true
	if list := c.able(wishFor([]payload.Part{{File: boot, Length: 5}})); len(list) != 3 {
		t.Errorf("%d have the boot files", len(list))
	}
	c.judge(half, []payload.Part{{File: root, Length: 7}}, nil)
	if list := c.able(wishFor([]payload.Part{{File: root, Length: 5}})); len(list) != 3 || list[0] != half {
		t.Error("who gave the last piece is not asked first")
	}
	if n, nodes := c.Given(); n != 7 || nodes != 1 {
		t.Errorf("%d bytes of %d", n, nodes)
	}
}

// TestNodeOf: the machine's id is not told.
func TestNodeOf(t *testing.T) {
	a, b := NodeOf("0123456789abcdef0123456789abcdef"), NodeOf("0123456789abcdef0123456789abcdee")
	if a == b || a == (question.Node{}) || a.Less(b) == b.Less(a) {
		t.Errorf("%x %x", a, b)
	}
}
