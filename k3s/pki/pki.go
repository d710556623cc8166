// Package pki keeps the cluster's certificates: it makes the ones that are missing, renews those near their end and
// leaves every other file alone. Authorities live ten years, leaves one. It does not revoke, and it never replaces an
// authority: agents and users trust it by its hash.
package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// renewBefore is what must be left of a leaf when the runtime starts.
	renewBefore = 90 * 24 * time.Hour
	// skew is how far back certificates are valid: a board without a clock may start a little before now.
	skew = time.Hour
)

// Authority is a certificate with the key to sign others.
type Authority struct {
	Cert *x509.Certificate
	key  crypto.Signer
}

// Leaf says what a certificate is for. Files are BASE.crt and BASE.key.
type Leaf struct {
	Base   string
	Name   string   // subject's common name: the user, for a client
	Groups []string // subject's organizations: the user's groups
	Hosts  []string // names and addresses of a server; none for a client
}

// EnsureAuthority loads BASE.crt and BASE.key, or makes them.
func EnsureAuthority(base, name string, now time.Time) (*Authority, error) {
	a, err := loadAuthority(base)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s@%d", name, now.Unix())},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := write(base, template, template, key, key); err != nil {
		return nil, err
	}
	return loadAuthority(base)
}

func loadAuthority(base string) (*Authority, error) {
	cert, key, err := load(base)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA {
		return nil, fmt.Errorf("%s.crt: not an authority", base)
	}
	return &Authority{cert, key}, nil
}

// Ensure writes the leaf unless a good one is there, and says whether it wrote.
func (a *Authority) Ensure(leaf Leaf, now time.Time) (renewed bool, err error) {
	old, _, err := load(leaf.Base)
	if err == nil && a.good(old, leaf, now) {
		return false, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return false, err
	}
	return true, write(leaf.Base, leaf.template(now), a.Cert, key, a.key)
}

// good reports whether an existing certificate still serves: ours, for this subject and these hosts, long enough.
func (a *Authority) good(c *x509.Certificate, leaf Leaf, now time.Time) bool {
	want := leaf.template(now)
	return c.CheckSignatureFrom(a.Cert) == nil &&
		now.Add(renewBefore).Before(c.NotAfter) && now.After(c.NotBefore) &&
		c.Subject.CommonName == leaf.Name &&
		slices.Equal(slices.Sorted(slices.Values(c.Subject.Organization)), slices.Sorted(slices.Values(leaf.Groups))) &&
		slices.Equal(hosts(c), hosts(want))
}

func (l Leaf) template(now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: l.Name, Organization: l.Groups},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(l.Hosts) == 0 {
		return t
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range l.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if host != "" {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t
}

func hosts(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// write signs and stores a certificate with its key. The key goes first: a torn pair is then detected by load.
func write(base string, template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("sign %s: %w", base, err)
	}
	if err := writeKey(base+".key", key); err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if template != parent {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: parent.Raw})...)
	}
	return renameio.WriteFile(base+".crt", chain, 0o644)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// load reads a pair and checks that key and certificate belong together.
func load(base string) (*x509.Certificate, crypto.Signer, error) {
	certPEM, err := os.ReadFile(base + ".crt")
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := os.ReadFile(base + ".key")
	if err != nil {
		return nil, nil, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s.crt, .key: not PEM", base)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.crt: %w", base, err)
	}
	key, err := parseKey(keyBlock)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.key: %w", base, err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(public, cert.RawSubjectPublicKeyInfo) {
		return nil, nil, fmt.Errorf("%s: key and certificate do not belong together", base)
	}
	return cert, key, nil
}

// parseKey accepts what users bring as their own authority besides our own EC keys.
func parseKey(block *pem.Block) (crypto.Signer, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T cannot sign", key)
	}
	return signer, nil
}

// EnsureKey makes the service accounts' signing key unless it is there.
func EnsureKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(path, key)
}
