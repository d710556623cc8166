// Package stream reads one answer of an HTTP or HTTPS server while it arrives: for files that are larger than memory. As
// in package fetch the work is done by proa-fetch, a program without privileges: its output is a line of JSON, which is
// the head of the answer, and then the body. It ends when the reader closes the body, or is gone.
//
// It refuses what fetch refuses, redirections to other hosts than those permitted, a body that is compressed although
// nobody asked for that, and a head that is too long. It does not judge ranges, lengths and speed: init/upgrade/transport
// does. What the program says is not trusted either: it has read what the server sent.
package stream

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/proa-os/proa/init/fetch"
)

// Mode is the program's argument for one streamed answer.
const Mode = "stream"

// maxHead is the longest head in bytes of JSON: a few numbers, and an ETag of at most MaxETag.
const (
	maxHead = 8 << 10
	MaxETag = 256
)

// Request is what to ask: a GET.
type Request struct {
	URL     string   `json:"url"`               // http or https
	From    int64    `json:"from"`              // first byte
	To      int64    `json:"to"`                // last byte; negative: the last one of the file. From 0 to the end asks for no range
	IfRange string   `json:"ifRange,omitempty"` // a strong ETag: the range only if the file is still that one
	CAs     []string `json:"cas,omitempty"`     // certificates in PEM, as in fetch.Request
	Hosts   []string `json:"hosts,omitempty"`   // host names to which a redirection is followed, besides the URL's own
}

// Ranged says whether the request asks for a part of the file.
func (r Request) Ranged() bool { return r.From > 0 || r.To >= 0 }

// Head is what the server said before the body. Numbers that it did not say are -1.
type Head struct {
	Status     int    `json:"status"`
	Length     int64  `json:"length"` // bytes of the body
	First      int64  `json:"first"`  // Content-Range, of a 206
	Last       int64  `json:"last"`
	Total      int64  `json:"total"`
	ETag       string `json:"etag,omitempty"`       // strong ones only
	RetryAfter int64  `json:"retryAfter,omitempty"` // seconds
	Error      string `json:"error,omitempty"`      // there is no answer
	Final      bool   `json:"final,omitempty"`      // with Error: the same request will get no other answer
}

// FinalError is an error that the same request would have again.
type FinalError struct{ Err error }

func (e *FinalError) Error() string { return e.Err.Error() }
func (e *FinalError) Unwrap() error { return e.Err }

// Client asks.
type Client struct {
	Environment map[string]string // the configuration's environment, as in fetch.Client
	Program     string            // empty: fetch.Program; for tests
}

// Open sends a request and returns the head of the answer, of any status, and its body. The context ends both. Errors
// begin with the host. The caller closes the body, which ends the program.
func (c Client) Open(ctx context.Context, r Request) (Head, io.ReadCloser, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return Head{}, nil, errors.New("not a URL that begins with https:// or http://")
	}
	in, err := json.Marshal(r)
	if err != nil {
		return Head{}, nil, err
	}
	p, err := start(ctx, c.argv(), fetch.Proxies(c.Environment), append(in, '\n'))
	if err != nil {
		return Head{}, nil, fmt.Errorf("%s: %w", u.Host, err)
	}
	body := &body{p: p, r: bufio.NewReaderSize(p.out, maxHead), host: u.Host}
	head, err := body.head()
	if err != nil {
		body.Close()
		return Head{}, nil, fmt.Errorf("%s: %w", u.Host, err)
	}
	return head, body, nil
}

func (c Client) argv() []string {
	if c.Program != "" {
		return []string{c.Program, Mode}
	}
	return []string{fetch.Program, Mode}
}

// body is the rest of the program's output.
type body struct {
	p    *process
	r    *bufio.Reader
	host string
	err  error // sticky
}

func (b *body) head() (h Head, err error) {
	line, err := b.r.ReadSlice('\n') // at most the buffer's size
	if errors.Is(err, io.EOF) {
		err = errors.Join(b.p.ended(), io.ErrUnexpectedEOF)
	}
	if err != nil {
		return h, fmt.Errorf("proa-fetch gave no answer: %w", err)
	}
	if err := json.NewDecoder(bytes.NewReader(line)).Decode(&h); err != nil {
		return h, errors.New("proa-fetch gave no answer")
	}
	switch {
	case h.Error != "" && h.Final:
		return h, &FinalError{errors.New(printable(h.Error))}
	case h.Error != "":
		return h, errors.New(printable(h.Error))
	}
	if len(h.ETag) > MaxETag {
		h.ETag = ""
	}
	return h, nil
}

// Read implements io.Reader. The error of a body that ends too early is never io.EOF.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if b.err = err; errors.Is(err, io.EOF) {
		if ended := b.p.ended(); ended != nil {
			b.err = fmt.Errorf("%s: %w", b.host, ended)
		}
	}
	return n, b.err
}

// Close ends the program. It returns no error: what the program says then concerns nobody.
func (b *body) Close() error {
	b.p.kill()
	return nil
}

// printable makes one short line of what a program says, which may be a server's words: terminals obey some characters.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
	const enough = 300
	if len(s) > enough {
		s = strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}
