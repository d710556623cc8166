package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// mark is a file in server/tls while the authorities of a new cluster are written: files that a power cut leaves beside
// it may be completed.
const mark = ".making"

// serviceKey signs the tokens of service accounts. It is a key without a certificate.
const serviceKey = "service"

// condition is the state of an authority's files.
type condition int

const (
	complete condition = iota
	absent             // no file exists
	torn               // a key without its certificate: an interrupted write
)

// look checks one authority. The error names the damaged file; that is never replaced.
func (id Identity) look(name string) (condition, *Authority, error) {
	base := id.tls(name)
	key, err := exists(base + ".key")
	if err != nil {
		return 0, nil, err
	}
	cert, err := exists(base + ".crt")
	switch {
	case err != nil:
		return 0, nil, err
	case name == serviceKey && key:
		_, err := loadKey(base + ".key")
		return complete, nil, err
	case !key && !cert:
		return absent, nil, nil
	case !key:
		return 0, nil, fmt.Errorf("%s.crt is there, %[1]s.key is not", base)
	case !cert:
		_, err := loadKey(base + ".key")
		return torn, nil, err
	}
	a := &Authority{}
	if a.Cert, a.key, err = load(base); err == nil && !a.Cert.IsCA {
		err = fmt.Errorf("%s.crt is not the certificate of an authority", base)
	}
	return complete, a, err
}

// authorities loads the cluster's authorities, and creates those of a new cluster.
func (id Identity) authorities(d dates) (map[string]*Authority, error) {
	making, err := exists(id.mark())
	if err != nil {
		return nil, err
	}
	found, missing, err := id.survey(making)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		if err := id.begin(missing, d); err != nil {
			return nil, err
		}
		if found, missing, err = id.survey(false); err != nil || len(missing) > 0 {
			return nil, errors.Join(err, fmt.Errorf("missing after creation: %s", strings.Join(missing, " ")))
		}
		making = true
	}
	if making {
		if err := id.disk().remove(id.mark()); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// survey checks all of them. A torn pair counts as missing if the mark says that it was being created.
func (id Identity) survey(making bool) (found map[string]*Authority, missing []string, err error) {
	found = map[string]*Authority{}
	for _, name := range append(authorities, serviceKey) {
		is, a, err := id.look(name)
		if err == nil && is == torn && !making {
			err = fmt.Errorf("%s.key is there, %[1]s.crt is not", id.tls(name))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("authority %s: %w. %s", name, err, id.wayOut())
		}
		if is != complete {
			missing = append(missing, name)
		}
		found[name] = a
	}
	return found, missing, nil
}

// begin creates the authorities of a new cluster, and refuses if there is an existing one.
func (id Identity) begin(missing []string, d dates) error {
	sign, err := id.lived()
	if err != nil {
		return err
	}
	if sign != "" {
		return fmt.Errorf("authority %s: not in %s, though there is a cluster: %s. %s",
			strings.Join(missing, ", "), id.tls(""), sign, id.wayOut())
	}
	if err := id.disk().write(id.mark(), nil, 0o600); err != nil {
		return err
	}
	for _, name := range missing {
		if err := id.makeOne(name, d); err != nil {
			return fmt.Errorf("make authority %s: %w", name, err)
		}
	}
	return nil
}

func (id Identity) makeOne(name string, d dates) error {
	if name != serviceKey {
		return makeAuthority(id.disk(), id.tls(name), "k3s-"+name, d)
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	text, err := encodeKey(key)
	if err != nil {
		return err
	}
	return id.disk().write(id.tls(name)+".key", text, 0o600)
}

// lived returns a file that only an existing cluster has, or "" if there certainly is none. All of these are written
// after the authorities are complete.
func (id Identity) lived() (string, error) {
	server := filepath.Join(id.DataDir, "server")
	signs := []string{
		filepath.Join(server, "db", "state.db"), filepath.Join(server, "db", "etcd"),
		filepath.Join(server, "token"), filepath.Join(server, "cred", "admin.kubeconfig"),
	}
	for _, c := range id.certificates() {
		if strings.HasPrefix(c.leaf.Base, server+"/") {
			signs = append(signs, c.leaf.Base+".crt", c.leaf.Base+".key")
		}
	}
	for _, path := range signs {
		if there, err := exists(path); there || err != nil {
			return path, err
		}
	}
	return "", nil
}

// wayOut returns what the user can do. Pods and their volumes are elsewhere below the data directory.
func (id Identity) wayOut() string {
	server := filepath.Join(id.DataDir, "server")
	return fmt.Sprintf("Nothing was changed. Bring %s back from a backup; or, to begin a new cluster on purpose: mv %[2]s %[2]s.old",
		id.tls(""), server)
}

// revive gives an authority of ours that is not valid yet, because it was made while the clock was ahead, the validity
// it should have had. Name and key stay the same, so that everything it signed stays valid.
func (id Identity) revive(name string, a *Authority, d dates) (bool, error) {
	c := a.Cert
	if !d.now.Before(c.NotBefore) || c.CheckSignatureFrom(c) != nil || !strings.HasPrefix(c.Subject.CommonName, "k3s-"+name+"@") {
		return false, nil
	}
	t := &x509.Certificate{
		RawSubject: c.RawSubject, NotBefore: d.built, NotAfter: d.now.Add(authorityLife),
		KeyUsage: c.KeyUsage, BasicConstraintsValid: true, IsCA: true,
	}
	text, err := sign(t, t, a.key.Public(), a.key)
	if err != nil {
		return false, err
	}
	if err := id.disk().write(id.tls(name)+".crt", text, 0o644); err != nil {
		return false, err
	}
	a.Cert, err = loadCertificate(id.tls(name) + ".crt")
	return true, err
}
