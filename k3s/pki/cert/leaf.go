// Package cert is what those who issue certificates and those who ask for them share: what a certificate contains, how
// long it is valid, and how it lies in files with its key. It does not decide who gets one.
package cert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"
	"slices"
	"time"
)

// LeafLife is how long a leaf is valid.
const LeafLife = 365 * 24 * time.Hour

// earliest is before every build of this program: an earlier build date is invalid.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Dates are the inputs of a certificate's validity.
type Dates struct {
	Built time.Time // start of the validity
	Now   time.Time // the clock, but never before Built
}

// DatesAt corrects a clock that is behind. One that is ahead is used: certificates made then are valid from the build
// date, also after the clock was corrected.
func DatesAt(built, now time.Time) Dates {
	if built.Before(earliest) {
		built = earliest
	}
	if now.Before(built) {
		now = built
	}
	return Dates{built, now}
}

// Leaf describes a certificate that is no authority's. Files are BASE.crt and BASE.key.
type Leaf struct {
	Authority string // name of the authority that signs it
	Base      string
	Name      string   // subject's common name: the user, for a client
	Groups    []string // subject's organizations: the user's groups
	Hosts     []string // names and addresses of a server; none for a client
}

// ID returns the name by which an issuer knows the leaf, for example "client-kubelet": its file's, as in K3s.
func (l Leaf) ID() string { return filepath.Base(l.Base) }

// Template returns the content of the certificate, without serial number and key.
func (l Leaf) Template(d Dates) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: l.Name, Organization: l.Groups},
		NotBefore:   d.Built,
		NotAfter:    d.Now.Add(LeafLife),
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

// Describes says whether a certificate is for this subject and these hosts.
func (l Leaf) Describes(c *x509.Certificate) bool {
	return c.Subject.CommonName == l.Name &&
		slices.Equal(slices.Sorted(slices.Values(c.Subject.Organization)), slices.Sorted(slices.Values(l.Groups))) &&
		slices.Equal(hosts(c), hosts(l.Template(Dates{})))
}

func hosts(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
