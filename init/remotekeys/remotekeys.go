// Package remotekeys fetches the SSH keys that the configuration names by where they are (github:NAME, a URL), once the
// network is there, at every boot and once a day, and keeps them for boots without a network. It takes only lines that the
// configuration would accept as keys. An answer without any, an unreachable server or one that says "not found" changes
// nothing: nobody is locked out by a server that is down. It never quotes a URL, which may have a secret.
package remotekeys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/config/rule"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/sys"
)

const (
	// Dir has a file for each source with the keys fetched last, readable by root only.
	Dir = "/var/lib/proa/keys"
	// largest is what a server may send, in bytes.
	largest = 256 << 10
	// within is the time for one answer.
	within = 30 * time.Second
)

// Pauses between two tries, and after an answer. They are variables for tests.
type pauses struct{ first, last, again, look time.Duration }

var usual = pauses{2 * time.Second, 5 * time.Minute, 24 * time.Hour, 5 * time.Second}

// Keeper follows the sources of a configuration.
type Keeper struct {
	Sys   sys.Sys
	Root  string // prefix of all paths that are read
	Run   fetch.Run
	Ready func() bool // says whether there is a network
	Logf  func(string, ...any)

	program string     // for tests; empty: fetch.Program
	pauses  pauses     // zero: usual
	using   sync.Mutex // held while keys are put to use
	use     func() error
	homes   []string
	mu      sync.Mutex
	sources []*source
	fresh   map[string][]string // fetched since the start, for a disk that cannot be written
	stop    context.CancelFunc
}

// source is an entry that is not a key itself, and what became of it.
type source struct {
	entry string
	err   error
	next  time.Time // when it is fetched again
}

// Set replaces the sources, calls use, and starts fetching: use is called again whenever keys have changed, never twice at
// the same time, and never again once Set was called for another configuration.
func (k *Keeper) Set(ctx context.Context, c *config.Config, use func() error) error {
	k.using.Lock()
	defer k.using.Unlock()
	k.mu.Lock()
	if k.stop != nil {
		k.stop()
	}
	k.stop, k.sources = nil, nil
	for _, entry := range entries(c) {
		k.sources = append(k.sources, &source{entry: entry, err: errors.New("waiting for the network")})
	}
	list := k.sources
	if list != nil {
		ctx, k.stop = context.WithCancel(ctx)
	}
	k.mu.Unlock()
	k.use, k.homes = use, homes(c)
	err := use()
	f := follower{k, fetch.Client{Run: k.Run, Environment: c.Environment, Program: k.program}, slices.Clone(c.CACerts)}
	for _, s := range list {
		go f.follow(ctx, s)
	}
	return err
}

// follower fetches the sources of one configuration.
type follower struct {
	*Keeper
	client fetch.Client
	cas    []string
}

// entries returns the sources of a configuration, each once.
func entries(c *config.Config) (out []string) {
	all := slices.Clone(c.SSHAuthorizedKeys)
	for _, u := range c.Users {
		all = append(all, u.SSHAuthorizedKeys...)
	}
	for _, e := range all {
		if rule.KeyURL(e) != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// follow fetches one source until its context ends. A panic is reported and ends only this.
func (k follower) follow(ctx context.Context, s *source) {
	p := k.pauses
	if p == (pauses{}) {
		p = usual
	}
	err := guard.Call(func() error {
		for !k.Ready() {
			if !fetch.Sleep(ctx, min(p.look, time.Second)) {
				return nil
			}
		}
		backoff := fetch.Backoff{First: p.first, Last: p.last}
		for {
			err := k.once(ctx, s)
			pause, sleep := p.again, fetch.Sleep
			if err == nil {
				backoff.Reset()
			} else {
				pause, sleep = backoff.Next(), k.untilNetwork(p.look)
			}
			k.note(ctx, s, err, time.Now().Add(pause))
			if !sleep(ctx, pause) {
				return nil
			}
		}
	})
	if err != nil {
		k.note(ctx, s, err, time.Time{})
	}
}

// untilNetwork returns a pause that ends early when there is a network that was not there, as of a cable plugged in.
func (k follower) untilNetwork(look time.Duration) func(context.Context, time.Duration) bool {
	return func(ctx context.Context, d time.Duration) bool {
		end, there := time.Now().Add(d), k.Ready()
		for left := d; left > 0; left = time.Until(end) {
			if !fetch.Sleep(ctx, min(look, left)) {
				return false
			}
			before := there
			if there = k.Ready(); there && !before {
				return true
			}
		}
		return true
	}
}

// once fetches a source, and puts what is new to use even if it cannot be kept.
func (k follower) once(ctx context.Context, s *source) error {
	a, err := k.client.Do(ctx, fetch.Request{URL: rule.KeyURL(s.entry), Limit: largest, Timeout: within, CAs: k.cas})
	if err != nil {
		return err
	}
	keys := rule.Keys(string(a.Body))
	if len(keys) == 0 {
		return fmt.Errorf("%s: the answer has no SSH key", host(s.entry))
	}
	k.using.Lock()
	defer k.using.Unlock()
	if slices.Equal(keys, k.cached(s.entry)) || ctx.Err() != nil {
		return ctx.Err()
	}
	k.mu.Lock()
	if k.fresh == nil {
		k.fresh = map[string][]string{}
	}
	k.fresh[file(s.entry)] = keys
	k.mu.Unlock()
	k.Logf("ssh: %d keys from %s", len(keys), Name(s.entry))
	kept := errors.Join(k.Sys.MkdirAll(Dir, 0o700), k.Sys.WriteFile(filepath.Join(Dir, file(s.entry)), []byte(strings.Join(keys, "\n")+"\n"), 0o600))
	if kept != nil {
		kept = fmt.Errorf("they are used until the next boot, and cannot be kept: %w", kept)
	}
	return errors.Join(k.use(), kept)
}

// note records the result, unless another configuration is in force already.
func (k *Keeper) note(ctx context.Context, s *source, err error, next time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err != nil && (s.err == nil || s.err.Error() != err.Error()) {
		k.Logf("ssh: keys of %s: %v", Name(s.entry), err)
	}
	s.err, s.next = err, next
}

// Known returns the keys that a list comes to now: its own, and of each source those fetched last.
func (k *Keeper) Known(list []string) (keys []string) {
	for _, e := range list {
		found := []string{e}
		if rule.KeyURL(e) != "" {
			found = k.cached(e)
		}
		for _, key := range found {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// cached returns the keys of an entry that were fetched last. Those of a file are verified again: a damaged one has none.
func (k *Keeper) cached(entry string) []string {
	k.mu.Lock()
	fresh := k.fresh[file(entry)]
	k.mu.Unlock()
	if fresh != nil {
		return fresh
	}
	text, err := os.ReadFile(filepath.Join(k.Root, Dir, file(entry)))
	if err != nil {
		return nil
	}
	return rule.Keys(string(text))
}

// Problems says which sources could not be fetched, why, and when they are tried again. A nil Keeper has none.
func (k *Keeper) Problems() (out []string) {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	var failed []source
	for _, s := range k.sources {
		if s.err != nil {
			failed = append(failed, *s)
		}
	}
	k.mu.Unlock()
	for _, s := range failed {
		line := fmt.Sprintf("SSH keys of %s were not fetched: %v", Name(s.entry), s.err)
		if n := len(k.cached(s.entry)); n > 0 {
			line += fmt.Sprintf("; the %d keys fetched before are used", n)
		}
		if !s.next.IsZero() {
			line += "; next try at " + s.next.UTC().Format("15:04:05")
		}
		out = append(out, line)
	}
	return out
}

// file is the name of an entry's file; an entry may be a URL with a secret.
func file(entry string) string {
	sum := sha256.Sum256([]byte(rule.KeyURL(entry)))
	return hex.EncodeToString(sum[:16])
}

// Name returns an entry as it can be shown: of a URL only the host.
func Name(entry string) string {
	if strings.HasPrefix(entry, "https://") {
		return "https://" + host(entry) + "/…"
	}
	return entry
}

func host(entry string) string { return fetch.Host(rule.KeyURL(entry)) }
