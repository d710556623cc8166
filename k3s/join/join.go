// Package join connects an agent to its server: it reaches the server and verifies it with the token. Joining the
// cluster comes with multi-node support; until then it reports that and ends.
package join

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/token"
)

const (
	again      = 5 * time.Second
	maxBundle  = 1 << 20
	oneAttempt = 10 * time.Second
)

// errUnsupported is final: a retry does not help.
var errUnsupported = errors.New("the server answers, but this version cannot join it yet")

// Run retries until the context ends, and reports why the server cannot be reached.
func Run(ctx context.Context, c *flags.Config, n *notify.Notifier) error {
	t, err := check(c)
	if err != nil {
		n.Failed("agent: %v", err)
		return err
	}
	for {
		err := attempt(ctx, c.Server, t)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errUnsupported) {
			n.Failed("agent: %v", err)
			return err
		}
		n.Status("agent: server %s: %v", c.Server, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

func check(c *flags.Config) (token.Token, error) {
	u, err := url.Parse(c.Server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return token.Token{}, fmt.Errorf("server %q: want https://HOST:PORT", c.Server)
	}
	return token.Parse(c.Token)
}

// attempt fetches the server's authority. Its certificate cannot be verified before that: the token's hash verifies it.
func attempt(ctx context.Context, server string, t token.Token) error {
	client := &http.Client{Timeout: oneAttempt, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	target, err := url.JoinPath(server, "cacerts")
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	reply, err := client.Do(request)
	if err != nil {
		return errors.Unwrap(err) // without the URL, which the caller adds
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", target, reply.Status)
	}
	bundle, err := io.ReadAll(io.LimitReader(reply.Body, maxBundle))
	if err != nil {
		return err
	}
	if err := t.Verify(bundle); err != nil {
		return err
	}
	return errUnsupported
}
