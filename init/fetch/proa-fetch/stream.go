package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/init/fetch/stream"
)

// Bounds of a streamed answer. Who reads it has the limits of time and length.
const (
	memory = 12 << 20 // bytes of heap, beyond which garbage is collected more often
	window = 1 << 20  // bytes that an HTTP/2 server may send ahead
	piece  = 64 << 10 // bytes: what a pipe holds
)

// runStream passes one answer on. It fails, with the reason on standard error, if the body ends too early. It ends when
// standard input does: then nobody reads any more.
func runStream(in io.Reader, out io.Writer) error {
	debug.SetMemoryLimit(memory)
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	var r stream.Request
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines) // its end is what matters
		os.Exit(1)
	}()
	resp, err := open(r)
	if err != nil {
		return json.NewEncoder(out).Encode(stream.Head{Error: plain(err), Final: errors.As(err, new(*stream.FinalError))})
	}
	defer resp.Body.Close()
	if err := json.NewEncoder(out).Encode(head(resp)); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, resp.Body, make([]byte, piece)); err != nil {
		var op *net.OpError
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			err = errors.New("the connection ended before the answer did")
		case errors.As(err, &op):
			err = op.Err // without addresses
		}
		return errors.New(plain(err))
	}
	return nil
}

func open(r stream.Request) (*http.Response, error) {
	t, err := transport(r.CAs)
	if err != nil {
		return nil, err
	}
	t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerConnection: window, MaxReceiveBufferPerStream: window}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if r.Ranged() {
		req.Header.Set("Range", rangeOf(r))
		if r.IfRange != "" {
			req.Header.Set("If-Range", r.IfRange)
		}
	}
	resp, err := (&http.Client{Transport: t, CheckRedirect: within(r.Hosts)}).Do(req)
	if err != nil {
		return nil, err
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		resp.Body.Close()
		return nil, &stream.FinalError{Err: fmt.Errorf("the body is encoded as %.20q, which was not asked for", coding)}
	}
	return resp, nil
}

func rangeOf(r stream.Request) string {
	if r.To < 0 {
		return fmt.Sprintf("bytes=%d-", r.From)
	}
	return fmt.Sprintf("bytes=%d-%d", r.From, r.To)
}

// within follows redirections on one host, from http to https on it, and to the hosts permitted.
func within(hosts []string) func(*http.Request, []*http.Request) error {
	return func(to *http.Request, via []*http.Request) error {
		if err := redirect(to, via); err != nil {
			return &stream.FinalError{Err: err}
		}
		if own(via[0].URL, to.URL) || slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, to.URL.Hostname()) }) {
			return nil
		}
		return &stream.FinalError{Err: fmt.Errorf("redirected to another host, %.100q; upgrade.redirect_hosts can permit it", to.URL.Hostname())}
	}
}

// own says whether a URL is on the same server, or the same host's for https.
func own(a, b *url.URL) bool {
	if strings.EqualFold(a.Host, b.Host) {
		return true
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && b.Scheme == "https" && b.Port() == ""
}

func head(resp *http.Response) stream.Head {
	h := stream.Head{Status: resp.StatusCode, Length: resp.ContentLength, First: -1, Last: -1, Total: -1, RetryAfter: retryAfter(resp.Header, time.Now())}
	h.First, h.Last, h.Total = contentRange(resp.Header.Get("Content-Range"))
	if tag := resp.Header.Get("Etag"); strings.HasPrefix(tag, `"`) && len(tag) <= stream.MaxETag {
		h.ETag = tag
	}
	return h
}

// contentRange reads "bytes 2-5/10", "bytes 2-5/*" and "bytes */10" (RFC 9110, 14.4).
func contentRange(s string) (first, last, total int64) {
	first, last, total = -1, -1, -1
	unit, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	span, size, ok := strings.Cut(rest, "/")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return
	}
	total = number(size)
	if a, b, ok := strings.Cut(span, "-"); ok {
		first, last = number(a), number(b)
	}
	return
}

// number returns -1 for what is not one.
func number(s string) int64 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// retryAfter returns seconds; 0: the server named no time.
func retryAfter(h http.Header, now time.Time) int64 {
	text := h.Get("Retry-After")
	if n := number(text); n >= 0 {
		return n
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, int64(at.Sub(now).Seconds()))
	}
	return 0
}
