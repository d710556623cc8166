package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Reporter receives problems of a cluster that works otherwise (notify.Notifier).
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// Identity is the content of the certificates of one server and its node.
type Identity struct {
	DataDir  string
	NodeName string
	NodeIP   string
	Domain   string
	Service  string   // address of the service "kubernetes"
	SANs     []string // additional names of the API server
	Built    time.Time
	Report   Reporter // nil: problems are not reported

	to disk // nil: durable
}

// certificate is one row of the list of certificates.
type certificate struct {
	authority string
	leaf      Leaf
}

// authorities are K3s's, by file name below server/tls.
var authorities = []string{"client-ca", "server-ca", "request-header-ca"}

func (id Identity) tls(name string) string { return filepath.Join(id.DataDir, "server", "tls", name) }
func (id Identity) mark() string           { return id.tls(mark) }

func (id Identity) disk() disk {
	if id.to == nil {
		return durable{}
	}
	return id.to
}

// certificates returns every leaf. Files below server/tls belong to the control plane, those below agent to the node.
func (id Identity) certificates() []certificate {
	tls := id.tls
	agent := func(name string) string { return filepath.Join(id.DataDir, "agent", name) }
	local := []string{"localhost", "127.0.0.1", "::1", id.NodeName, id.NodeIP}
	api := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + id.Domain, id.Service,
	}, local...)
	return []certificate{
		{"server-ca", Leaf{tls("serving-kube-apiserver"), "kube-apiserver", nil, append(api, id.SANs...)}},
		{"client-ca", Leaf{tls("client-admin"), "system:admin", []string{"system:masters"}, nil}},
		{"client-ca", Leaf{tls("client-controller"), "system:kube-controller-manager", nil, nil}},
		{"client-ca", Leaf{tls("client-scheduler"), "system:kube-scheduler", nil, nil}},
		{"client-ca", Leaf{tls("client-kube-apiserver"), "system:apiserver", []string{"system:masters"}, nil}},
		{"request-header-ca", Leaf{tls("client-auth-proxy"), "system:auth-proxy", nil, nil}},
		{"server-ca", Leaf{agent("serving-kubelet"), id.NodeName, nil, local}},
		{"client-ca", Leaf{agent("client-kubelet"), "system:node:" + id.NodeName, []string{"system:nodes"}, nil}},
		{"client-ca", Leaf{agent("client-kube-proxy"), "system:kube-proxy", nil, nil}},
		{"client-ca", Leaf{agent("client-k3s-controller"), "system:k3s-controller", nil, nil}},
	}
}

// Ensure creates missing and renews expiring authorities, leaves and keys of the cluster, and returns the names of
// those it wrote. It may be called repeatedly while the cluster runs.
func (id Identity) Ensure(now time.Time) (renewed []string, err error) {
	d := datesAt(id.Built, now)
	for _, dir := range []string{id.DataDir, filepath.Join(id.DataDir, "server"), id.tls(""), filepath.Join(id.DataDir, "agent")} {
		if err := makeDir(dir); err != nil {
			return nil, err
		}
	}
	signers, err := id.authorities(d)
	if err != nil {
		return nil, err
	}
	for _, name := range authorities {
		revived, err := id.revive(name, signers[name], d)
		if err != nil {
			return nil, fmt.Errorf("authority %s: %w", name, err)
		}
		if revived {
			renewed = append(renewed, name)
		}
	}
	leaves, err := id.leaves(signers, d)
	if err != nil {
		return nil, err
	}
	return append(renewed, leaves...), id.trust()
}

// leaves writes the leaves that are missing or due. If one cannot be written, as on a full disk, that is only a problem
// as long as the old one is valid.
func (id Identity) leaves(signers map[string]*Authority, d dates) (renewed []string, err error) {
	for _, c := range id.certificates() {
		name := filepath.Base(c.leaf.Base)
		wrote, usable, err := signers[c.authority].Ensure(id.disk(), c.leaf, d)
		if err != nil && !usable {
			return nil, fmt.Errorf("certificate %s: %w", name, err)
		}
		id.tell("certificate "+name, err)
		if wrote {
			renewed = append(renewed, name)
		}
	}
	return renewed, nil
}

func (id Identity) tell(key string, err error) {
	switch {
	case id.Report == nil:
	case err != nil:
		id.Report.Problem(key, fmt.Sprintf("%s: not renewed, the old one stays in use: %v", key, err))
	default:
		id.Report.Solved(key)
	}
}

// trust copies to the node the two authorities with which it verifies others.
func (id Identity) trust() error {
	for _, name := range []string{"client-ca.crt", "server-ca.crt"} {
		data, err := os.ReadFile(id.tls(name))
		if err != nil {
			return err
		}
		if err := id.disk().write(filepath.Join(id.DataDir, "agent", name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// NodeOf returns the node name in a kubelet's certificate, "" if there is none.
func NodeOf(path string) string {
	cert, err := loadCertificate(path)
	if err != nil {
		return ""
	}
	name, is := strings.CutPrefix(cert.Subject.CommonName, "system:node:")
	if !is {
		return ""
	}
	return name
}

// Ended returns the leaves that are not valid at that time: their users must load the new one at once.
func (id Identity) Ended(now time.Time) (names []string) {
	for _, c := range id.certificates() {
		cert, err := loadCertificate(c.leaf.Base + ".crt")
		if err != nil || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			names = append(names, filepath.Base(c.leaf.Base))
		}
	}
	return names
}
