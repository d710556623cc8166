package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/peers/question"
	"github.com/proa-os/proa/init/upgrade/peers/serve"
)

var _ payload.Nearby = (*Client)(nil)

// The reasons for which somebody is not dropped although it gave nothing.
var (
	errBusy  = errors.New("busy, or not there yet")
	errLacks = errors.New("not there")
	errWrong = errors.New("other bytes than the index says")
)

// busyPause is how long somebody is left alone that was busy.
const busyPause = 300 * time.Millisecond

// caller returns a client for machines nearby: no proxy, no redirections, small heads.
func caller(p Patience) *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: p.Stall}).DialContext, DisableCompression: true, MaxIdleConnsPerHost: 1,
			IdleConnTimeout: p.Stand, ResponseHeaderTimeout: p.Stall, MaxResponseHeaderBytes: 4 << 10}}
}

// ReadParts implements payload.Nearby.
func (c *Client) ReadParts(ctx context.Context, parts []payload.Part, b []byte, right func() bool) {
	c.from(ctx, parts, func(p *peer) error {
		into := b
		for _, part := range parts {
			if err := c.get(ctx, p, part, into[:part.Length]); err != nil {
				return err
			}
			into = into[part.Length:]
		}
		if !right() {
			return errWrong
		}
		return nil
	})
}

// Sums implements payload.Nearby: it reads the whole file from one machine, and keeps nothing of it.
func (c *Client) Sums(ctx context.Context, f slotfile.File) (list []payload.Sum) {
	b := make([]byte, payload.PartSize)
	c.from(ctx, []payload.Part{{File: f, Length: f.Size}}, func(p *peer) error {
		list = nil
		h := sha256.New()
		for at := int64(0); at < f.Size; at += payload.PartSize {
			part := b[:min(payload.PartSize, f.Size-at)]
			if err := c.get(ctx, p, payload.Part{File: f, Offset: at, Length: int64(len(part))}, part); err != nil {
				return err
			}
			h.Write(part)
			list = append(list, sha256.Sum256(part))
		}
		if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
			return errWrong
		}
		return nil
	})
	if c.lost(list, f) {
		return nil
	}
	return list
}

// lost says whether a list of sums is not that of all of a file.
func (c *Client) lost(list []payload.Sum, f slotfile.File) bool {
	return int64(len(list)) != (f.Size+payload.PartSize-1)/payload.PartSize
}

// from has one machine after the other give parts, and waits for those that are getting them. It returns when one has
// given them, or none will.
func (c *Client) from(ctx context.Context, parts []payload.Part, give func(*peer) error) {
	w := wishFor(parts)
	for c.state() != 0 && ctx.Err() == nil {
		for _, p := range c.able(w) {
			err := give(p)
			if ctx.Err() != nil {
				return
			}
			if c.judge(p, parts, err); err == nil {
				return
			}
		}
		if !c.hold(ctx, w) {
			return
		}
	}
}

// wishFor is to have parts.
func wishFor(parts []payload.Part) wish {
	return wish{func(p *peer) bool {
		return p.State == question.Has || !slices.ContainsFunc(parts, func(part payload.Part) bool {
			if part.File.Name == slotfile.RootName {
				return part.Offset+part.Length > p.Root
			}
			return !p.Boot
		})
	}, func(p *peer) bool {
		return slices.ContainsFunc(parts, func(part payload.Part) bool { return p.lacks[part.File.SHA256] })
	}}
}

// able returns those who can be asked now, who gave the last piece first.
func (c *Client) able(w wish) (list []*peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, p := range c.known {
		if c.asked(p, now) && p.later.Before(now) && w.has(p) && !w.lacks(p) {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b *peer) int {
		switch c.last {
		case a.Node:
			return -1
		case b.Node:
			return 1
		}
		return 0
	})
	return list
}

// judge remembers how somebody did.
func (c *Client) judge(p *peer, parts []payload.Part, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		for _, part := range parts {
			c.bytes += part.Length
		}
		p.since, c.last, c.gave[p.Node] = time.Now(), p.Node, true
	case errors.Is(err, errBusy):
		p.later = time.Now().Add(busyPause)
	case errors.Is(err, errLacks):
		for _, part := range parts {
			if part.File.Script() {
				p.lacks[part.File.SHA256] = true // it has those of its own slot
			} else {
				p.heard = time.Time{} // it said that it has it: what it says next counts
			}
		}
	default:
		c.gone[p.at.Addr()] = true
		c.say(fmt.Sprintf("going on without %s: %v", p.called(), err))
	}
}

// get reads one part from a machine.
func (c *Client) get(ctx context.Context, p *peer, part payload.Part, b []byte) error {
	life, cancel := context.WithTimeout(ctx, c.Patience.Stand)
	defer cancel()
	c.mu.Lock()
	at := p.at
	c.mu.Unlock()
	r, err := http.NewRequestWithContext(life, http.MethodGet, (&url.URL{Scheme: "http", Host: at.String(), Path: serve.Path + part.File.SHA256}).String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", part.Offset, part.Offset+part.Length-1))
	answer, err := c.http.Do(r)
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err // the rest is nothing for people
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusPartialContent:
	case http.StatusServiceUnavailable, http.StatusRequestedRangeNotSatisfiable:
		return errBusy
	case http.StatusNotFound:
		return errLacks
	default:
		return fmt.Errorf("HTTP status %d", answer.StatusCode)
	}
	if answer.ContentLength != part.Length {
		return errBusy // it has less by now than it said
	}
	return c.fill(ctx, cancel, answer.Body, b)
}

// fill reads all of b, and gives up if nothing arrives.
func (c *Client) fill(ctx context.Context, cancel func(), r io.Reader, b []byte) error {
	stall := time.AfterFunc(c.Patience.Stall, cancel)
	defer stall.Stop()
	for len(b) > 0 {
		n, err := r.Read(b[:min(len(b), 64<<10)])
		if b = b[n:]; err != nil && len(b) > 0 {
			return fmt.Errorf("%d bytes are missing: %w", len(b), err)
		}
		stall.Reset(c.Patience.Stall)
		step.Moved(ctx)
	}
	return nil
}
