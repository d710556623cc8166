// Package issue holds the authorities of a cluster, whose keys only a server has, and issues certificates with them. It
// creates the authorities of a new cluster and refuses to replace one, or to create one for an existing cluster: agents
// and users trust it by its hash. It issues only what is on its list, and does not revoke.
package issue

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/k3s/pki/cert"
)

// Names are the authorities, by file name: K3s's.
var Names = []string{"client-ca", "server-ca", "request-header-ca"}

// mark is a file beside the authorities of a new cluster while they are written: files that a power cut leaves beside
// it may be completed.
const mark = ".making"

// Authorities are the authorities' files.
type Authorities struct {
	Dir   string                          // server/tls
	Lived func() (sign string, err error) // a file that only an existing cluster has, "" if there certainly is none
	Disk  cert.Disk
}

func (a Authorities) path(name string) string { return filepath.Join(a.Dir, name) }

// Open loads the authorities, creates those of a new cluster, and returns the issuer of the leaves. revived are the
// authorities whose validity was corrected.
func (a Authorities) Open(d cert.Dates, leaves []cert.Leaf) (i *Issuer, revived []string, err error) {
	all, err := a.load(d)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range Names {
		did, err := a.revive(name, all[name], d)
		if err != nil {
			return nil, nil, fmt.Errorf("authority %s: %w", name, err)
		}
		if did {
			revived = append(revived, name)
		}
	}
	return &Issuer{a, all, leaves, d}, revived, nil
}

// load loads the authorities, and creates those of a new cluster.
func (a Authorities) load(d cert.Dates) (map[string]*authority, error) {
	making, err := cert.Exists(a.path(mark))
	if err != nil {
		return nil, err
	}
	found, missing, err := a.survey(making)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		if err := a.begin(missing, d); err != nil {
			return nil, err
		}
		if found, missing, err = a.survey(false); err != nil || len(missing) > 0 {
			return nil, errors.Join(err, fmt.Errorf("missing after creation: %s", strings.Join(missing, " ")))
		}
		making = true
	}
	if making {
		if err := a.Disk.Remove(a.path(mark)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// survey checks all of them. A torn pair counts as missing if the mark says that it was being created.
func (a Authorities) survey(making bool) (found map[string]*authority, missing []string, err error) {
	found = map[string]*authority{}
	for _, name := range slices.Concat(Names, []string{serviceKey}) {
		is, one, err := a.look(name)
		if err == nil && is == torn && !making {
			err = fmt.Errorf("%s.key is there, %[1]s.crt is not", a.path(name))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("authority %s: %w. %s", name, err, a.wayOut())
		}
		if is != complete {
			missing = append(missing, name)
		}
		found[name] = one
	}
	return found, missing, nil
}

// begin creates the authorities of a new cluster, and refuses if there is an existing one.
func (a Authorities) begin(missing []string, d cert.Dates) error {
	sign, err := a.Lived()
	if err != nil {
		return err
	}
	if sign != "" {
		return fmt.Errorf("authority %s: not in %s, though there is a cluster: %s. %s",
			strings.Join(missing, ", "), a.Dir, sign, a.wayOut())
	}
	if err := a.Disk.Write(a.path(mark), nil, 0o600); err != nil {
		return err
	}
	for _, name := range missing {
		if err := a.create(name, d); err != nil {
			return fmt.Errorf("make authority %s: %w", name, err)
		}
	}
	return nil
}

// wayOut returns what the user can do. Pods and their volumes are elsewhere below the data directory.
func (a Authorities) wayOut() string {
	return fmt.Sprintf("Nothing was changed. Bring %s back from a backup; or, to begin a new cluster on purpose: mv %[2]s %[2]s.old",
		a.Dir, filepath.Dir(a.Dir))
}

// Issuer issues the certificates of a list of leaves (ask.Issuer).
type Issuer struct {
	files  Authorities
	all    map[string]*authority
	leaves []cert.Leaf
	dates  cert.Dates
}

// Bundle returns the file of an authority's certificate, as the user may have brought it: with more than one in it.
func (i *Issuer) Bundle(_ context.Context, name string) ([]byte, error) {
	if !slices.Contains(Names, name) {
		return nil, fmt.Errorf("no authority %q", name)
	}
	return os.ReadFile(i.files.path(name) + ".crt")
}

// Issue issues the leaf with that name for the key of a request (RFC 2986, DER), and returns the content of its file.
// Of the request it uses nothing but the key, which the requester proves to have: subject, hosts and validity are those
// of the list.
func (i *Issuer) Issue(_ context.Context, id string, request []byte) ([]byte, error) {
	at := slices.IndexFunc(i.leaves, func(l cert.Leaf) bool { return l.ID() == id })
	if at < 0 {
		return nil, fmt.Errorf("no certificate %q is issued here", id)
	}
	leaf := i.leaves[at]
	csr, err := x509.ParseCertificateRequest(request)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	by := i.all[leaf.Authority]
	return cert.Sign(leaf.Template(i.dates), by.cert, csr.PublicKey, by.key)
}
