package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/pki/cert"
)

// TestStepsRenewOnlyWhatEnds: a step of the clock, which comes while components start, does not renew a certificate that
// stays valid until the next renewal; and one that does not is renewed at once.
func TestStepsRenewOnlyWhatEnds(t *testing.T) {
	dir, began := t.TempDir(), wallClock()
	c := &flags.Config{DataDir: dir, ServiceCIDR: "10.43.0.0/16", WriteKubeconfig: filepath.Join(dir, "k3s.yaml"), HTTPSListenPort: 6443}
	s := New(c, &notify.Notifier{})
	s.node.Config, s.node.Identity = c, address.Identity{Name: "e1", IP: "10.0.2.15"}
	s.plane = controlplane.Plane{Config: c, NodeIP: "10.0.2.15"}
	must(t, s.certificates(t.Context()))
	first := ends(t, dir)
	for _, look := range []struct {
		name           string
		at             time.Duration
		renew, renewed bool
		why            string
	}{
		{"a step to the time of renewal", 276 * 24 * time.Hour, false, false, ""},
		{"a step to shortly before the end", cert.LeafLife - certificateLook/2, false, true, ""},
		{"the renewal", cert.LeafLife + 200*24*time.Hour, true, false, ""},
		{"the renewal when it is due", cert.LeafLife + 276*24*time.Hour, true, true, ""},
		{"a step beyond the end", 3*cert.LeafLife - 30*24*time.Hour, false, true, "expired certificates were renewed"},
	} {
		s.now = func() time.Time { return began.Add(look.at) }
		s.steps = beginSteps(s.now(), sinceBoot())
		why := s.lookAtCertificates(t.Context(), look.renew)
		if !strings.HasPrefix(why, look.why) || (why == "") != (look.why == "") {
			t.Errorf("%s: restart %q, want %q", look.name, why, look.why)
		}
		now := ends(t, dir)
		if now.After(first) != look.renewed {
			t.Errorf("%s: renewed %v, want %v", look.name, now.After(first), look.renewed)
		}
		first = now
	}
}

// TestDatabaseMeansCluster: with the datastore's database there is a cluster, for which no authority is created.
func TestDatabaseMeansCluster(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "server/db/state.db")
	must(t, errors.Join(os.MkdirAll(filepath.Dir(db), 0o700), os.WriteFile(db, []byte("x"), 0o600)))
	s := New(&flags.Config{DataDir: dir, ServiceCIDR: "10.43.0.0/16"}, &notify.Notifier{})
	if err := s.certificates(t.Context()); err == nil || !strings.Contains(err.Error(), "though there is a cluster: "+db) {
		t.Error(err)
	}
}

// ends returns when the administrator's certificate ends.
func ends(t *testing.T, dir string) time.Time {
	t.Helper()
	c, err := cert.LoadCertificate(filepath.Join(dir, "server/tls/client-admin.crt"))
	must(t, err)
	return c.NotAfter
}
