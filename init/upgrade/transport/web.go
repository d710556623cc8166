package transport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/init/fetch"
)

// Patience is how long a web source waits, and for what. Fields that are 0 have their defaults.
type Patience struct {
	Stall  time.Duration // for the head of an answer, and for the next bytes; default 1 min
	Brief  time.Duration // instead of Stall while another mirror is left that has not failed; default 10 s
	Least  int64         // bytes that arrive within Stall at least, or the connection is given up; default 16 KiB
	Budget time.Duration // without progress of all mirrors, until the file is given up; default 5 min
	First  time.Duration // pause after the first failure of a mirror, doubled after each up to Last; default 1 s
	Last   time.Duration // default 30 s
}

func (p Patience) orDefault() Patience {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&p.Stall, time.Minute)
	set(&p.Brief, 10*time.Second)
	set(&p.Budget, 5*time.Minute)
	set(&p.First, time.Second)
	set(&p.Last, 30*time.Second)
	if p.Least <= 0 {
		p.Least = 16 << 10
	}
	return p
}

// brief is the patience with a mirror while there are others to ask.
func (p Patience) brief() Patience {
	if p.Brief < p.Stall {
		p.Least, p.Stall = int64(float64(p.Least)*float64(p.Brief)/float64(p.Stall)), p.Brief
	}
	return p
}

// Web has the files below the URLs of mirrors, or one file.
type Web struct {
	Opener   Opener
	CAs      []string // in PEM, besides the system's
	Hosts    []string // to which redirections are followed, besides each mirror's own
	Limit    *Bucket
	Patience Patience
	Logf     func(string, ...any) // when another mirror is used, or the same one again; may be nil

	mirrors []*mirror
	mu      sync.Mutex
	best    int // mirror that answered last
}

// mirror is one server, and how it behaved.
type mirror struct {
	index   int
	base    *url.URL
	file    bool   // the URL is that of the only file
	host    string // for people
	pauses  fetch.Backoff
	resting time.Time // not asked before
}

// NewWeb returns the files below the URLs, of which the first that works is used.
func NewWeb(o Opener, urls ...string) (*Web, error) {
	w := &Web{Opener: o}
	for i, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
			return nil, errors.New("a URL of a release begins with https:// or http:// and a host") // the text may have a password
		}
		w.mirrors = append(w.mirrors, &mirror{index: i, base: u, host: u.Host})
	}
	if w.mirrors == nil {
		return nil, errors.New("no URL is given")
	}
	return w, nil
}

// OpenURL opens the one file that a URL names.
func (w *Web) OpenURL(ctx context.Context) File {
	for _, m := range w.mirrors {
		m.file = true
	}
	return w.open(ctx, "the file", Unknown)
}

// String names the hosts.
func (w *Web) String() string {
	var hosts []string
	for _, m := range w.mirrors {
		hosts = append(hosts, m.host)
	}
	return strings.Join(hosts, ", ")
}

// Open implements Source. The first ReadAt asks.
func (w *Web) Open(ctx context.Context, name string, size int64) (File, error) {
	if err := valid(name); err != nil {
		return nil, err
	}
	return w.open(ctx, name, size), nil
}

func (w *Web) open(ctx context.Context, name string, size int64) *webFile {
	now := time.Now()
	return &webFile{ctx: ctx, web: w, name: name, size: size, unsure: size == Unknown, end: Unknown, since: now, left: now, tags: map[int]string{}, refused: map[int]error{}, failed: map[int]error{}}
}

// url keeps the query of the base: it may be what gives access.
func (m *mirror) url(name string) string {
	if m.file {
		return m.base.String()
	}
	return m.base.JoinPath(strings.Split(name, "/")...).String()
}

// next returns the mirror to ask: the one that answered last, or the next one that is not resting. If all are, it returns
// the one that rests shortest, and how long. Mirrors in without are not asked; nil: there is no other.
func (w *Web) next(without map[int]error, now time.Time) (m *mirror, pause time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.mirrors {
		one := w.mirrors[(w.best+i)%len(w.mirrors)]
		if without[one.index] != nil {
			continue
		}
		if rest := max(0, one.resting.Sub(now)); m == nil || rest < pause {
			m, pause = one, rest
		}
	}
	return m, pause
}

// rest lets a mirror alone for a while.
func (w *Web) rest(index int, after time.Duration, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, p := w.mirrors[index], w.Patience.orDefault()
	m.pauses.First, m.pauses.Last = p.First, p.Last
	m.resting = now.Add(max(m.pauses.Next(), after))
}

// answers remembers the mirror that answered, be it that it does not have a file.
func (w *Web) answers(index int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.best = index
}

// works remembers the mirror that makes progress.
func (w *Web) works(index int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.best = index
	w.mirrors[index].pauses.Reset()
}

func (w *Web) logf(format string, args ...any) {
	if w.Logf != nil {
		w.Logf(format, args...)
	}
}

// goneError is why no mirror has the file.
type goneError struct {
	name string
	each []error
	what string // what can be done
}

func (e *goneError) Error() string {
	var said []string
	for _, err := range e.each {
		said = append(said, err.Error())
	}
	return strings.TrimSuffix(fmt.Sprintf("read %s: %s; %s", e.name, strings.Join(said, "; "), e.what), "; ")
}

// Unwrap returns one error: a list would be taken apart by config/step.
func (e *goneError) Unwrap() error { return errors.Join(e.each...) }
