// Package ask keeps the certificates of a machine: it makes the keys, which never leave the machine, and asks an issuer
// for the leaves that are missing, near their expiry or wrong. The issuer may be this server or another one. It accepts
// no answer that is not what it asked for.
package ask

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/k3s/pki/cert"
)

const (
	// RenewBefore is the remaining validity below which a leaf is renewed.
	RenewBefore = 90 * 24 * time.Hour
	// TooMuch is by how much a leaf's validity may exceed a year before it is renewed: it was made while the clock was
	// ahead.
	TooMuch = 24 * time.Hour
)

// Issuer is who signs (issue.Issuer, or a remote one).
type Issuer interface {
	// Bundle returns the certificate of an authority in PEM. Only the first one verifies leaves, if there are several.
	Bundle(ctx context.Context, authority string) ([]byte, error)
	// Issue returns the content of the file of a leaf, by its name (cert.Leaf, ID), for the key of a certificate request
	// (RFC 2986, DER).
	Issue(ctx context.Context, id string, request []byte) (chain []byte, err error)
}

// Reporter receives problems of a cluster that works otherwise (notify.Notifier).
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// Asker keeps a list of leaves.
type Asker struct {
	Issuer Issuer
	Leaves []cert.Leaf
	Dates  cert.Dates
	Disk   cert.Disk
	Report Reporter // nil: problems are not reported
}

// Ensure asks for the leaves that are missing or due, and returns the names of those it wrote. If one cannot be had or
// written, as on a full disk, that is only a problem as long as the old one is valid.
func (a Asker) Ensure(ctx context.Context) (renewed []string, err error) {
	for _, leaf := range a.Leaves {
		wrote, usable, err := a.leaf(ctx, leaf)
		if err != nil && !usable {
			return nil, fmt.Errorf("certificate %s: %w", leaf.ID(), err)
		}
		a.tell("certificate "+leaf.ID(), err)
		if wrote {
			renewed = append(renewed, leaf.ID())
		}
	}
	return renewed, nil
}

func (a Asker) tell(key string, err error) {
	switch {
	case a.Report == nil:
	case err != nil:
		a.Report.Problem(key, fmt.Sprintf("%s: not renewed, the old one stays in use: %v", key, err))
	default:
		a.Report.Solved(key)
	}
}

// Trust writes the authorities' certificates with which this machine verifies others to a directory.
func (a Asker) Trust(ctx context.Context, dir string, authorities ...string) error {
	for _, name := range authorities {
		data, err := a.Issuer.Bundle(ctx, name)
		if err != nil {
			return err
		}
		if err := a.Disk.Write(filepath.Join(dir, name+".crt"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// leaf asks for a leaf unless a good one exists, and says whether it wrote. usable: the existing leaf is still valid
// although it could not be renewed. A renewed leaf keeps its key, so that one write replaces it: a concurrent reader
// gets a matching pair, and a full disk keeps the old one.
func (a Asker) leaf(ctx context.Context, leaf cert.Leaf) (renewed, usable bool, err error) {
	authority, err := a.authority(ctx, leaf.Authority)
	old, key, oldErr := cert.Load(leaf.Base)
	switch {
	case err != nil:
		return false, oldErr == nil && inTime(old, a.Dates), err
	case oldErr != nil:
		err = a.first(ctx, leaf, authority)
		return err == nil, err == nil, err
	case a.good(old, leaf, authority):
		return false, true, nil
	}
	chain, err := a.request(ctx, leaf, authority, key)
	if err == nil {
		err = a.Disk.Write(leaf.Base+".crt", chain, 0o644)
	}
	return err == nil, err == nil || a.valid(old, authority), err
}

func (a Asker) authority(ctx context.Context, name string) (*x509.Certificate, error) {
	bundle, err := a.Issuer.Bundle(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	c, err := cert.Parse(bundle)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	return c, nil
}

// first writes a leaf with a new key.
func (a Asker) first(ctx context.Context, leaf cert.Leaf, authority *x509.Certificate) error {
	key, err := cert.NewKey()
	if err != nil {
		return err
	}
	chain, err := a.request(ctx, leaf, authority, key)
	if err != nil {
		return err
	}
	return cert.Write(a.Disk, leaf.Base, key, chain)
}

// request has the leaf issued for a key, and verifies the answer.
func (a Asker) request(ctx context.Context, leaf cert.Leaf, authority *x509.Certificate, key crypto.Signer) ([]byte, error) {
	t := leaf.Template(a.Dates)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: t.Subject, DNSNames: t.DNSNames, IPAddresses: t.IPAddresses,
	}, key)
	if err != nil {
		return nil, err
	}
	chain, err := a.Issuer.Issue(ctx, leaf.ID(), der)
	if err != nil {
		return nil, err
	}
	got, err := cert.Parse(chain)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the issuer's answer: %w", err)
	case !cert.Belongs(key, got):
		return nil, errors.New("the issuer's answer is for another key")
	case !leaf.Describes(got):
		return nil, fmt.Errorf("the issuer's answer is for %s, %v, %v", got.Subject, got.DNSNames, got.IPAddresses)
	case !a.valid(got, authority):
		return nil, fmt.Errorf("the issuer's answer is not valid now, or is not signed by %s", authority.Subject)
	}
	return chain, nil
}

// valid says whether the certificate verifies now.
func (a Asker) valid(c, authority *x509.Certificate) bool {
	return c.CheckSignatureFrom(authority) == nil && inTime(c, a.Dates)
}

func inTime(c *x509.Certificate, d cert.Dates) bool {
	return !d.Now.Before(c.NotBefore) && d.Now.Before(c.NotAfter)
}

// good says whether an existing certificate can be kept: signed by the authority, for this subject and these hosts,
// valid for long enough, and not for longer than a correct clock would have made it.
func (a Asker) good(c *x509.Certificate, leaf cert.Leaf, authority *x509.Certificate) bool {
	now := a.Dates.Now
	return a.valid(c, authority) && leaf.Describes(c) &&
		now.Add(RenewBefore).Before(c.NotAfter) && c.NotAfter.Before(now.Add(cert.LeafLife+TooMuch))
}
