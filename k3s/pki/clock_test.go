package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/pki/ask"
	"github.com/proa-os/proa/k3s/pki/cert"
)

// verifyAll verifies every leaf with Go's own verification, as API server, kubelet and kubectl do.
func verifyAll(t *testing.T, id Server, at time.Time) {
	t.Helper()
	for _, c := range id.leaves() {
		roots := x509.NewCertPool()
		ca, err := os.ReadFile(id.tls(c.Authority) + ".crt")
		if err != nil || !roots.AppendCertsFromPEM(ca) {
			t.Fatalf("%s: %v", c.Authority, err)
		}
		leaf, _, err := cert.Load(c.Base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s at %s: %v", filepath.Base(c.Base), at.Format(time.DateOnly), err)
		}
	}
}

// TestWrongClocks: whatever the clock was when the cluster was created, certificates are valid at that time and after
// the clock was corrected, before anything was renewed if the clock was ahead, and after each further start.
func TestWrongClocks(t *testing.T) {
	now := start.AddDate(0, 8, 0)
	for name, first := range map[string]time.Time{
		"right": now, "10 hours ahead": now.Add(10 * time.Hour), "4 years ahead": now.AddDate(4, 0, 0), "4 years behind": now.AddDate(-4, 0, 0),
		"1970": time.Unix(0, 0), "2099": time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			id := identity(t)
			ensure(t, id, first)
			before, _ := os.ReadFile(id.tls("server-ca.crt"))
			if first.Before(built) {
				verifyAll(t, id, built)
			} else {
				verifyAll(t, id, first)
			}
			if first.After(now) {
				verifyAll(t, id, now) // right after the clock was set back
			}
			ensure(t, id, now)
			verifyAll(t, id, now)
			verifyAll(t, id, now.Add(cert.LeafLife-ask.RenewBefore))
			if admin, _, err := cert.Load(id.tls("client-admin")); err != nil || admin.NotAfter.After(now.Add(cert.LeafLife+ask.TooMuch)) {
				t.Errorf("the administrator's certificate stays valid until %s (%v)", admin.NotAfter, err)
			}
			if got := ensure(t, id, now); got != nil {
				t.Errorf("and renewed again: %v", got)
			}
			after, _ := os.ReadFile(id.tls("server-ca.crt"))
			ca, err := cert.LoadCertificate(id.tls("server-ca.crt"))
			if string(before) != string(after) || err != nil || ca.NotAfter.Before(now.AddDate(9, 0, 0)) {
				t.Errorf("authority replaced: %v, ends %s (%v)", string(before) != string(after), ca.NotAfter, err)
			}
		})
	}
}

// TestNoBuildDate: a program without a build date assumes that it is as old as its source.
func TestNoBuildDate(t *testing.T) {
	id := identity(t)
	id.Built = time.Time{}
	now := time.Now()
	ensure(t, id, now.AddDate(3, 0, 0))
	ensure(t, id, now)
	verifyAll(t, id, now)
}

// TestAuthorityMadeAhead: authorities made while the clock was ahead are corrected, with the same names and keys.
func TestAuthorityMadeAhead(t *testing.T) {
	id := identity(t)
	future := start.AddDate(4, 0, 0)
	id.Built = future // as if "now" had been used
	ensure(t, id, future)
	before, _, err := cert.Load(id.tls("server-ca"))
	if err != nil {
		t.Fatal(err)
	}
	id.Built = built
	ensure(t, id, start)
	verifyAll(t, id, start)
	after, _, err := cert.Load(id.tls("server-ca"))
	if err != nil || string(before.RawSubject) != string(after.RawSubject) || string(before.RawSubjectPublicKeyInfo) != string(after.RawSubjectPublicKeyInfo) {
		t.Errorf("another authority: %s, %s (%v)", before.Subject, after.Subject, err)
	}
	copied, err := cert.LoadCertificate(filepath.Join(id.DataDir, "agent/server-ca.crt"))
	if err != nil || !copied.Equal(after) {
		t.Errorf("the node trusts %v (%v)", copied, err)
	}
}
