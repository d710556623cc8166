package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/init/fetch/stream"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// web asks a server as proa-fetch does, without a process for each request: a connection each, and who asks and when
// instead of the name of a program, for the server's log.
type web struct{ *machine }

// Open implements transport.Opener.
func (w web) Open(ctx context.Context, r stream.Request) (stream.Head, io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return stream.Head{}, nil, err
	}
	req.Header.Set("User-Agent", fmt.Sprintf("%s@%d", w.id, w.now.Unix()))
	req.Header.Set("Accept-Encoding", "identity")
	if r.Ranged() {
		last := ""
		if r.To >= 0 {
			last = fmt.Sprint(r.To)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", r.From, last))
		if r.IfRange != "" {
			req.Header.Set("If-Range", r.IfRange)
		}
	}
	res, err := (&http.Client{Transport: w.transport()}).Do(req)
	if err != nil {
		return stream.Head{}, nil, err
	}
	h := stream.Head{Status: res.StatusCode, Length: res.ContentLength, First: -1, Last: -1, Total: -1, ETag: res.Header.Get("ETag")}
	if res.StatusCode == http.StatusPartialContent {
		if _, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &h.First, &h.Last, &h.Total); err != nil {
			return h, res.Body, fmt.Errorf("content range %q: %w", res.Header.Get("Content-Range"), err)
		}
	}
	return h, res.Body, nil
}

// transport connects from the worker's address: one address has too few ports for a fleet.
func (w web) transport() *http.Transport {
	d := net.Dialer{}
	if ip := net.ParseIP(w.from); ip != nil {
		d.LocalAddr = &net.TCPAddr{IP: ip}
	}
	return &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true, DisableCompression: true}
}

// tap keeps the file that was opened last, and what was read of its beginning: the index of a payload.
type tap struct {
	transport.Source
	m *machine
}

// Open implements transport.Source.
func (t *tap) Open(ctx context.Context, name string, size int64) (transport.File, error) {
	f, err := t.Source.Open(ctx, name, size)
	if err != nil {
		return nil, err
	}
	t.m.last = &tapped{File: f}
	return t.m.last, nil
}

type tapped struct {
	transport.File
	head []byte
}

// ReadAt implements transport.File.
func (t *tapped) ReadAt(ctx context.Context, b []byte, off int64) (int, error) {
	n, err := t.File.ReadAt(ctx, b, off)
	if off == int64(len(t.head)) && off < payload.MaxIndex {
		t.head = append(t.head, b[:n]...)
	}
	return n, err
}

// frames reads the frames of the payload that a plan has opened, as making the slot would, and makes nothing of them.
func (m *machine) frames(ctx context.Context, plan upgrade.Plan) error {
	x, err := payload.ParseIndex(m.last.head)
	if err != nil {
		return fmt.Errorf("index of %s: %w", plan.Kind, err)
	}
	b := make([]byte, payload.MaxFrame)
	for _, p := range x.Pieces {
		if p.Length == 0 {
			continue
		}
		n, err := m.last.File.ReadAt(ctx, b[:p.Length], p.Frame.Offset)
		if int64(n) < p.Length {
			return fmt.Errorf("frame at %d: %w", p.Frame.Offset, err)
		}
	}
	return nil
}
