// Package pki manages the cluster's certificates: it creates the authorities of a new cluster, and leaves that are
// missing, near their expiry or wrong, and changes no other file. Authorities are valid for ten years, leaves for one,
// both from the build date on, whatever the clock says. It does not revoke. It refuses to replace an authority, or to
// create one for an existing cluster: agents and users trust it by its hash.
package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// renewBefore is the remaining validity below which a leaf is renewed.
	renewBefore = 90 * 24 * time.Hour
	// tooMuch is by how much a leaf's validity may exceed a year before it is renewed: it was made while the clock was
	// ahead.
	tooMuch = 24 * time.Hour
)

// earliest is before every build of this program: an earlier build date is invalid.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// dates are the inputs of a certificate's validity.
type dates struct {
	built time.Time // start of the validity
	now   time.Time // the clock, but never before built
}

// datesAt corrects a clock that is behind. One that is ahead is used: certificates made then are valid from the build
// date, also after the clock was corrected.
func datesAt(built, now time.Time) dates {
	if built.Before(earliest) {
		built = earliest
	}
	if now.Before(built) {
		now = built
	}
	return dates{built, now}
}

// Authority is a certificate authority with its key.
type Authority struct {
	Cert *x509.Certificate
	key  crypto.Signer
}

// Leaf describes a certificate. Files are BASE.crt and BASE.key.
type Leaf struct {
	Base   string
	Name   string   // subject's common name: the user, for a client
	Groups []string // subject's organizations: the user's groups
	Hosts  []string // names and addresses of a server; none for a client
}

// Ensure writes the leaf unless a good one exists, and says whether it wrote. usable: the existing leaf is still valid
// although it could not be renewed. A renewed leaf keeps its key, so that one write replaces it: a concurrent reader
// gets a matching pair, and a full disk keeps the old one.
func (a *Authority) Ensure(to disk, leaf Leaf, d dates) (renewed, usable bool, err error) {
	old, key, err := load(leaf.Base)
	if err != nil {
		err = a.first(to, leaf, d)
		return err == nil, err == nil, err
	}
	if a.good(old, leaf, d) {
		return false, true, nil
	}
	chain, err := sign(leaf.template(d), a.Cert, key.Public(), a.key)
	if err == nil {
		err = to.write(leaf.Base+".crt", chain, 0o644)
	}
	return err == nil, err == nil || a.valid(old, d), err
}

// first writes a leaf with a new key.
func (a *Authority) first(to disk, leaf Leaf, d dates) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	return writePair(to, leaf.Base, leaf.template(d), a.Cert, key, a.key)
}

// valid says whether the certificate verifies now.
func (a *Authority) valid(c *x509.Certificate, d dates) bool {
	return c.CheckSignatureFrom(a.Cert) == nil && !d.now.Before(c.NotBefore) && d.now.Before(c.NotAfter)
}

// good says whether an existing certificate can be kept: signed by us, for this subject and these hosts, valid for long
// enough, and not for longer than a correct clock would have made it.
func (a *Authority) good(c *x509.Certificate, leaf Leaf, d dates) bool {
	want := leaf.template(d)
	return a.valid(c, d) &&
		d.now.Add(renewBefore).Before(c.NotAfter) && c.NotAfter.Before(d.now.Add(leafLife+tooMuch)) &&
		c.Subject.CommonName == leaf.Name &&
		slices.Equal(slices.Sorted(slices.Values(c.Subject.Organization)), slices.Sorted(slices.Values(leaf.Groups))) &&
		slices.Equal(hosts(c), hosts(want))
}

func (l Leaf) template(d dates) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: l.Name, Organization: l.Groups},
		NotBefore:   d.built,
		NotAfter:    d.now.Add(leafLife),
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

// makeAuthority writes a new pair.
func makeAuthority(to disk, base, name string, d dates) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s@%d", name, d.now.Unix())},
		NotBefore:             d.built,
		NotAfter:              d.now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return writePair(to, base, t, t, key, key)
}
