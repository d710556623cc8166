package phonehome

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
)

// server answers requests of proa-fetch's protocol, the first ones with an error.
type server struct {
	broken int
	asked  []fetch.Request
}

func (s *server) run(_ context.Context, _, _ []string, in []byte, _ int) ([]byte, error) {
	var r fetch.Request
	if err := json.Unmarshal(in, &r); err != nil {
		return nil, err
	}
	s.asked = append(s.asked, r)
	if len(s.asked) <= s.broken {
		return []byte("{\"status\": 500}\n"), nil
	}
	return []byte("{\"status\": 204}\n"), nil
}

// TestCall: the form arrives, a server that fails is asked again, and a machine gives up after its tries.
func TestCall(t *testing.T) {
	facts := Facts{Hostname: "edge-7", Domain: "lan", InstanceID: "i&1", Keys: []string{"ssh-ed25519 AAAA+/= root@edge-7"}}
	for broken, want := range map[int]int{0: 1, 2: 3, 9: 3} {
		s := &server{broken: broken}
		c := Caller{Client: fetch.Client{Run: s.run}, Backoff: fetch.Backoff{First: time.Millisecond, Last: time.Millisecond}, Logf: t.Logf}
		err := c.Call(t.Context(), config.PhoneHome{URL: "https://example.org/$INSTANCE_ID/up", Tries: 3}, facts)
		if len(s.asked) != want || (err != nil) != (broken == 9) {
			t.Errorf("%d failures: %d requests, %v", broken, len(s.asked), err)
		}
		r := s.asked[len(s.asked)-1]
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || r.Method != "POST" || r.Header["Content-Type"] != "application/x-www-form-urlencoded" || !strings.HasPrefix(r.URL, "https://example.org/i&1/") ||
			form.Get("fqdn") != "edge-7.lan" || form.Get("instance_id") != "i&1" || form.Get("pub_key_ed25519") != facts.Keys[0] || form.Get("pub_key_rsa") != "N/A" {
			t.Errorf("%+v %v, %v", r, form, err)
		}
	}
	if got := Form([]string{"hostname"}, facts).Encode(); got != "hostname=edge-7" {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := Caller{Client: fetch.Client{Run: (&server{broken: 9}).run}, Logf: t.Logf}
	if err := c.Call(ctx, config.PhoneHome{URL: "http://x", Tries: 3}, facts); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
