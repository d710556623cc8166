// Package phonehome tells a server that the machine is up, as cloud-init's phone_home does: a POST of a form, tried again
// with growing pauses. It refuses no answer of status 2xx, and reads none. It does not know whether this was done before.
package phonehome

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
)

// Facts are what a machine tells of itself.
type Facts struct {
	Hostname, Domain string
	InstanceID       string
	Keys             []string // public keys of the SSH server, as in authorized_keys
}

// Caller calls.
type Caller struct {
	Client  fetch.Client
	CAs     []string
	Backoff fetch.Backoff // zero: 1 s to 5 min
	Logf    func(string, ...any)
}

// Call tries as often as the configuration says. The error is that of the last try.
func (c Caller) Call(ctx context.Context, p config.PhoneHome, f Facts) error {
	c.Backoff.First, c.Backoff.Last = cmp.Or(c.Backoff.First, time.Second), cmp.Or(c.Backoff.Last, 5*time.Minute)
	r := fetch.Request{Method: "POST", URL: strings.NewReplacer("${INSTANCE_ID}", f.InstanceID, "$INSTANCE_ID", f.InstanceID).Replace(p.URL),
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, Body: []byte(Form(p.Post, f).Encode()), CAs: c.CAs}
	for try := 1; ; try++ {
		_, err := c.Client.Do(ctx, r)
		if err == nil {
			c.Logf("phone_home: told the server")
			return nil
		}
		if try >= p.Tries {
			return fmt.Errorf("given up after %d tries: %w", try, err)
		}
		c.Logf("phone_home: try %d of %d: %v", try, p.Tries, err)
		if !fetch.Sleep(ctx, c.Backoff.Next()) {
			return ctx.Err()
		}
	}
}

// Form returns the fields that are asked for, all if none are. A key of a kind that the server does not have is N/A, as
// in cloud-init.
func Form(fields []string, f Facts) url.Values {
	all := [][2]string{{"hostname", f.Hostname}, {"fqdn", strings.TrimSuffix(f.Hostname+"."+f.Domain, ".")}, {"instance_id", f.InstanceID},
		{"pub_key_rsa", f.key("ssh-rsa")}, {"pub_key_ecdsa", f.key("ecdsa-")}, {"pub_key_ed25519", f.key("ssh-ed25519")}}
	out := url.Values{}
	for _, pair := range all {
		if len(fields) == 0 || slices.Contains(fields, pair[0]) {
			out.Set(pair[0], pair[1])
		}
	}
	return out
}

func (f Facts) key(kind string) string {
	for _, k := range f.Keys {
		if strings.HasPrefix(k, kind) {
			return k
		}
	}
	return "N/A"
}
