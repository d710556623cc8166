// Package pki keeps the cluster's certificates: it makes the authorities of a cluster that begins, and leaves that are missing, near
// their end or not as they should be, and leaves every other file alone. Authorities live ten years, leaves one, and both are valid from
// the build's date on, whatever the clock says. It does not revoke, and it refuses to replace an authority or to make one for a cluster
// that has one: agents and users trust it by its hash.
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
	// renewBefore is what must be left of a leaf.
	renewBefore = 90 * 24 * time.Hour
	// tooMuch is how much longer than its life a leaf may last: it was made with a clock that was ahead.
	tooMuch = 24 * time.Hour
)

// earliest is before every build of this program: a build's date before it is none.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// dates is what a certificate's validity is made of.
type dates struct {
	built time.Time // certificates are valid from here on
	now   time.Time // the clock, but never before built
}

// datesAt corrects a clock that is behind. One that is ahead is believed: what it makes is valid from the build on, also once it was
// put right.
func datesAt(built, now time.Time) dates {
	if built.Before(earliest) {
		built = earliest
	}
	if now.Before(built) {
		now = built
	}
	return dates{built, now}
}

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

// Ensure writes the leaf unless a good one is there, and says whether it wrote. usable: the leaf on disk serves still, though it could
// not be written anew. A renewed leaf keeps its key, so that one write replaces it: whoever reads the pair meanwhile has one that belongs
// together, and a full disk leaves the old one.
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

// first makes a leaf with a new key.
func (a *Authority) first(to disk, leaf Leaf, d dates) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	return writePair(to, leaf.Base, leaf.template(d), a.Cert, key, a.key)
}

// valid reports whether others believe the certificate now.
func (a *Authority) valid(c *x509.Certificate, d dates) bool {
	return c.CheckSignatureFrom(a.Cert) == nil && !d.now.Before(c.NotBefore) && d.now.Before(c.NotAfter)
}

// good reports whether an existing certificate still serves: ours, for this subject and these hosts, long enough and not for longer than
// a right clock would have made it.
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
