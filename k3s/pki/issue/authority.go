package issue

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/k3s/pki/cert"
)

// authorityLife is how long an authority is valid.
const authorityLife = 10 * 365 * 24 * time.Hour

// serviceKey signs the tokens of service accounts. It is a key without a certificate.
const serviceKey = "service"

// authority is a certificate authority with its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// condition is the state of an authority's files.
type condition int

const (
	complete condition = iota
	absent             // no file exists
	torn               // a key without its certificate: an interrupted write
)

// look checks one authority. The error names the damaged file; that is never replaced.
func (a Authorities) look(name string) (condition, *authority, error) {
	base := a.path(name)
	key, err := cert.Exists(base + ".key")
	if err != nil {
		return 0, nil, err
	}
	crt, err := cert.Exists(base + ".crt")
	switch {
	case err != nil:
		return 0, nil, err
	case name == serviceKey && key:
		_, err := cert.LoadKey(base + ".key")
		return complete, nil, err
	case !key && !crt:
		return absent, nil, nil
	case !key:
		return 0, nil, fmt.Errorf("%s.crt is there, %[1]s.key is not", base)
	case !crt:
		_, err := cert.LoadKey(base + ".key")
		return torn, nil, err
	}
	found := &authority{}
	if found.cert, found.key, err = cert.Load(base); err == nil && !found.cert.IsCA {
		err = fmt.Errorf("%s.crt is not the certificate of an authority", base)
	}
	return complete, found, err
}

// create writes one authority, or the service key.
func (a Authorities) create(name string, d cert.Dates) error {
	key, err := cert.NewKey()
	if err != nil {
		return err
	}
	if name != serviceKey {
		return a.createPair(name, key, d)
	}
	text, err := cert.EncodeKey(key)
	if err != nil {
		return err
	}
	return a.Disk.Write(a.path(name)+".key", text, 0o600)
}

func (a Authorities) createPair(name string, key *ecdsa.PrivateKey, d cert.Dates) error {
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s%d", prefix(name), d.Now.Unix())},
		NotBefore:             d.Built,
		NotAfter:              d.Now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	chain, err := cert.Sign(t, t, key.Public(), key)
	if err != nil {
		return fmt.Errorf("sign %s: %w", a.path(name), err)
	}
	return cert.Write(a.Disk, a.path(name), key, chain)
}

// prefix returns the beginning of the subject of an authority of ours; the time of its creation follows.
func prefix(name string) string { return "k3s-" + name + "@" }

// revive gives an authority of ours that is not valid yet, because it was made while the clock was ahead, the validity
// it should have had. Name and key stay the same, so that everything it signed stays valid.
func (a Authorities) revive(name string, old *authority, d cert.Dates) (bool, error) {
	c := old.cert
	if !d.Now.Before(c.NotBefore) || c.CheckSignatureFrom(c) != nil || !strings.HasPrefix(c.Subject.CommonName, prefix(name)) {
		return false, nil
	}
	t := &x509.Certificate{
		RawSubject: c.RawSubject, NotBefore: d.Built, NotAfter: d.Now.Add(authorityLife),
		KeyUsage: c.KeyUsage, BasicConstraintsValid: true, IsCA: true,
	}
	text, err := cert.Sign(t, t, old.key.Public(), old.key)
	if err != nil {
		return false, err
	}
	if err := a.Disk.Write(a.path(name)+".crt", text, 0o644); err != nil {
		return false, err
	}
	old.cert, err = cert.LoadCertificate(a.path(name) + ".crt")
	return true, err
}
