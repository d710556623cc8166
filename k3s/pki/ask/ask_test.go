package ask

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/pki/cert"
)

var (
	built = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
)

// remote is an issuer on another machine, as far as the asker sees it.
type remote struct {
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	leaf      cert.Leaf  // what it issues, whatever it is asked for
	dates     cert.Dates // its clock
	public    any        // nil: the key of the request
	err       error
	text      string // instead of a certificate
}

func newRemote(t *testing.T, leaf cert.Leaf) *remote {
	t.Helper()
	key, err := cert.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{NotBefore: built, NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	chain, err := cert.Sign(template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := cert.Parse(chain)
	if err != nil {
		t.Fatal(err)
	}
	return &remote{authority: authority, key: key, leaf: leaf, dates: cert.DatesAt(built, now)}
}

func (r *remote) Bundle(context.Context, string) ([]byte, error) {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.authority.Raw}), r.err
}

func (r *remote) Issue(_ context.Context, _ string, request []byte) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(request)
	switch {
	case r.err != nil:
		return nil, r.err
	case err != nil:
		return nil, err
	case r.text != "":
		return []byte(r.text), nil
	}
	public := r.public
	if public == nil {
		public = csr.PublicKey
	}
	return cert.Sign(r.leaf.Template(r.dates), r.authority, public, r.key)
}

func kubelet(dir string) cert.Leaf {
	return cert.Leaf{Authority: "server-ca", Base: filepath.Join(dir, "serving-kubelet"), Name: "n1", Hosts: []string{"n1", "10.0.2.15"}}
}

func asker(r *remote, leaf cert.Leaf) Asker {
	return Asker{Issuer: r, Leaves: []cert.Leaf{leaf}, Dates: cert.DatesAt(built, now), Disk: cert.Durable{}}
}

// TestWrongAnswers: an answer that is not what was asked for is refused, and no file is written.
func TestWrongAnswers(t *testing.T) {
	for want, spoil := range map[string]func(r *remote){
		"for another key": func(r *remote) {
			other, err := cert.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			r.public = other.Public()
		},
		"is for CN=n2":  func(r *remote) { r.leaf.Name = "n2" },
		"[10.0.2.16]":   func(r *remote) { r.leaf.Hosts = []string{"n1", "10.0.2.16"} },
		"not PEM":       func(r *remote) { r.text = "busy" },
		"not valid now": func(r *remote) { r.dates.Now = now.Add(-2 * cert.LeafLife) },
		"no route":      func(r *remote) { r.err = errors.New("no route") },
	} {
		dir := t.TempDir()
		r := newRemote(t, kubelet(dir))
		spoil(r)
		if _, err := asker(r, kubelet(dir)).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if files, err := os.ReadDir(dir); len(files) > 0 || err != nil {
			t.Errorf("%s: wrote %v (%v)", want, files, err)
		}
	}
}

type problems map[string]string

func (p problems) Problem(key, line string) { p[key] = line }
func (p problems) Solved(key string)        { delete(p, key) }

// TestIssuerAway: while the issuer cannot be reached the old leaf stays in use, as long as it is valid.
func TestIssuerAway(t *testing.T) {
	dir, told := t.TempDir(), problems{}
	r := newRemote(t, kubelet(dir))
	a := asker(r, kubelet(dir))
	a.Report = told
	if renewed, err := a.Ensure(t.Context()); len(renewed) != 1 || err != nil {
		t.Fatalf("first: %v, %v", renewed, err)
	}
	r.err = errors.New("no route")
	a.Dates.Now = now.Add(cert.LeafLife - RenewBefore/2)
	if renewed, err := a.Ensure(t.Context()); len(renewed) > 0 || err != nil || !strings.Contains(told["certificate serving-kubelet"], "no route") {
		t.Errorf("away: %v, %v, told %v", renewed, err, told)
	}
	a.Dates.Now = now.Add(cert.LeafLife + time.Hour)
	if _, err := a.Ensure(t.Context()); err == nil {
		t.Error("a certificate that has expired is used")
	}
	r.err, r.dates = nil, a.Dates
	if renewed, err := a.Ensure(t.Context()); len(renewed) != 1 || err != nil || len(told) > 0 {
		t.Errorf("back: %v, %v, told %v", renewed, err, told)
	}
}
