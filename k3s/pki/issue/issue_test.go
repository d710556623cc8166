package issue

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/pki/cert"
)

func issuer(t *testing.T) *Issuer {
	t.Helper()
	a := Authorities{Dir: t.TempDir(), Lived: func() (string, error) { return "", nil }, Disk: cert.Durable{}}
	leaf := cert.Leaf{Authority: "client-ca", Base: "client-kubelet", Name: "system:node:n1", Groups: []string{"system:nodes"}}
	i, _, err := a.Open(cert.DatesAt(time.Time{}, time.Now()), []cert.Leaf{leaf})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// request asks to be the administrator.
func request(t *testing.T) []byte {
	t.Helper()
	key, err := cert.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "system:admin", Organization: []string{"system:masters"}}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject, DNSNames: []string{"kubernetes"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestIssuesWhatIsListed: the requester gets what the list says, whatever the request says.
func TestIssuesWhatIsListed(t *testing.T) {
	i := issuer(t)
	chain, err := i.Issue(t.Context(), "client-kubelet", request(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cert.Parse(chain)
	if err != nil || !i.leaves[0].Describes(c) || len(c.DNSNames) > 0 {
		t.Errorf("issued for %s, %v (%v)", c.Subject, c.DNSNames, err)
	}
	bundle, err := i.Bundle(t.Context(), "client-ca")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := cert.Parse(bundle)
	if err != nil || c.CheckSignatureFrom(authority) != nil {
		t.Errorf("not signed by client-ca (%v)", err)
	}
}

func TestRefusals(t *testing.T) {
	i, forged := issuer(t), request(t)
	forged[len(forged)-1] ^= 1 // the signature, with which the requester proves to have the key
	for want, ask := range map[string]func() error{
		`no certificate "client-admin"`: func() error { _, err := i.Issue(t.Context(), "client-admin", request(t)); return err },
		"certificate request":           func() error { _, err := i.Issue(t.Context(), "client-kubelet", forged); return err },
		"certificate request: asn1":     func() error { _, err := i.Issue(t.Context(), "client-kubelet", []byte("x")); return err },
		`no authority "service"`:        func() error { _, err := i.Bundle(t.Context(), "service"); return err },
	} {
		if err := ask(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
