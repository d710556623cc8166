// Package fetch asks HTTP and HTTPS servers for PID 1 and the proa command: one request with a limit of time and size,
// the machine's certificate authorities and proxies. It refuses an answer that is too long, a certificate that it cannot
// verify, and a redirection from https to http. It never quotes a URL's path, query or answer in an error, because they
// may be secrets.
//
// The work is done by a program of its own, proa-fetch, which runs without privileges and only while it is needed: what
// servers send is parsed outside of PID 1, and TLS and HTTP are not in the initramfs. Linked into proa they took 2.9 MB of
// it, 1.1 MB of every initramfs and 1.4 MB of every root image; the program takes 3.0 MB of the root image.
package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Program is the path of the program in the root image (build/plan).
const Program = "/usr/libexec/proa/proa-fetch"

// Defaults and bounds of a request.
const (
	DefaultLimit   = 1 << 20 // bytes
	MaxLimit       = 32 << 20
	DefaultTimeout = 30 * time.Second
	// grace is what the program gets beyond the request's timeout to end by itself.
	grace = 5 * time.Second
)

// Request is what to ask.
type Request struct {
	Method  string            // empty: GET
	URL     string            // http or https
	Header  map[string]string // besides Go's own
	Body    []byte
	Limit   int64         // largest body of the answer, in bytes; 0: DefaultLimit
	Timeout time.Duration // for the whole request; 0: DefaultTimeout
	CAs     []string      // certificates in PEM that are trusted besides the system's (the configuration's ca_certs)
	Direct  bool          // uses no proxy and follows no redirection: for link-local addresses such as a cloud's metadata
	LowPort bool          // asks from a port below 1024, as only root can: Scaleway's metadata service wants that
}

// Host returns the host of an address, with its port: of a URL, what may be shown.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the server" // of an address that nobody has checked
	}
	return u.Host
}

// Answer is what the server said. Keys of Header are in canonical form (net/textproto).
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   []byte            `json:"-"`
}

// Reply is the first line of the program's output; the body follows.
type Reply struct {
	Answer
	Error string `json:"error,omitempty"`
}

// StatusError is returned, besides the answer, for a status other than 2xx.
type StatusError struct {
	Host string
	Code int
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: HTTP status %d", e.Host, e.Code) }

// Run starts a program, writes in to its standard input and returns at most limit bytes of its standard output. It kills
// the program when the context ends.
type Run func(ctx context.Context, argv, env []string, in []byte, limit int) ([]byte, error)

// Client asks. PID 1 has proc.Reaper.Pipe as Run, any other process Exec.
type Client struct {
	Run Run
	// Environment has the configuration's environment, of which the variables for proxies are used.
	Environment map[string]string
	Program     string // empty: Program; for tests
}

// Do asks once. With an error of type *StatusError the answer is complete too.
func (c Client) Do(ctx context.Context, r Request) (Answer, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return Answer{}, errors.New("not a URL that begins with https:// or http://")
	}
	r = r.bounded()
	in, err := json.Marshal(r)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout+grace)
	defer cancel()
	const head = 256 << 10 // a header of 32 KiB, escaped
	argv := []string{c.program()}
	if r.LowPort {
		argv = append(argv, lowPort)
	}
	out, err := c.Run(ctx, argv, c.env(), in, head+int(r.Limit))
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", u.Host, err)
	}
	return read(u.Host, out)
}

func (r Request) bounded() Request {
	if r.Limit <= 0 {
		r.Limit = DefaultLimit
	}
	if r.Timeout <= 0 {
		r.Timeout = DefaultTimeout
	}
	r.Limit = min(r.Limit, MaxLimit)
	return r
}

func read(host string, out []byte) (Answer, error) {
	line, body, whole := bytes.Cut(out, []byte("\n"))
	var reply Reply
	if err := json.Unmarshal(line, &reply); err != nil || !whole {
		return Answer{}, fmt.Errorf("%s: proa-fetch gave no answer", host)
	}
	if reply.Error != "" {
		return Answer{}, fmt.Errorf("%s: %s", host, reply.Error)
	}
	reply.Body = body
	if reply.Status < 200 || reply.Status > 299 {
		return reply.Answer, &StatusError{host, reply.Status}
	}
	return reply.Answer, nil
}

func (c Client) program() string {
	if c.Program != "" {
		return c.Program
	}
	return Program
}

// proxies are the variables that net/http reads (httpproxy.FromEnvironment), in either case.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

func (c Client) env() []string { return Proxies(c.Environment) }

// Proxies returns the variables for proxies, NAME=VALUE, of the configuration's environment.
func Proxies(environment map[string]string) (out []string) {
	for name, value := range environment {
		if slices.Contains(proxies, strings.ToUpper(name)) {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}
