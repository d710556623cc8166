package pki

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/k3s/pki/cert"
	"github.com/proa-os/proa/k3s/pki/issue"
)

// Server is a machine with the control plane. Its files are below server; it is a node too.
type Server struct {
	Node
	Domain   string
	Service  string                 // address of the service "kubernetes"
	SANs     []string               // additional names of the API server
	Database func() (string, error) // the datastore's Exists: with a database there is a cluster. nil: not asked
}

func (s Server) server(elem ...string) string {
	return filepath.Join(append([]string{s.DataDir, "server"}, elem...)...)
}

func (s Server) tls(name string) string { return s.server("tls", name) }

// leaves returns the certificates of the control plane, and those of the node.
func (s Server) leaves() []cert.Leaf { return slices.Concat(s.plane(), s.Node.leaves()) }

func (s Server) plane() []cert.Leaf {
	api := slices.Concat([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + s.Domain, s.Service,
	}, s.hosts(), s.SANs)
	masters := []string{"system:masters"}
	return []cert.Leaf{
		{Authority: "server-ca", Base: s.tls("serving-kube-apiserver"), Name: "kube-apiserver", Hosts: api},
		{Authority: "client-ca", Base: s.tls("client-admin"), Name: "system:admin", Groups: masters},
		{Authority: "client-ca", Base: s.tls("client-controller"), Name: "system:kube-controller-manager"},
		{Authority: "client-ca", Base: s.tls("client-scheduler"), Name: "system:kube-scheduler"},
		{Authority: "client-ca", Base: s.tls("client-kube-apiserver"), Name: "system:apiserver", Groups: masters},
		{Authority: "request-header-ca", Base: s.tls("client-auth-proxy"), Name: "system:auth-proxy"},
	}
}

// Ensure creates missing and corrects wrong authorities, and asks them for the missing and expiring leaves of control
// plane and node. It returns the names of those it wrote. It may be called repeatedly while the cluster runs.
func (s Server) Ensure(ctx context.Context, now time.Time) (renewed []string, err error) {
	if err := makeDirs(s.DataDir, s.server(), s.tls("")); err != nil {
		return nil, err
	}
	issuer, revived, err := s.authorities().Open(cert.DatesAt(s.Built, now), s.leaves())
	if err != nil {
		return nil, err
	}
	plane, err := s.asker(issuer, s.plane(), now).Ensure(ctx)
	if err != nil {
		return nil, err
	}
	node, err := s.Node.Ensure(ctx, issuer, now)
	return slices.Concat(revived, plane, node), err
}

func (s Server) authorities() issue.Authorities {
	return issue.Authorities{Dir: s.tls(""), Lived: s.lived, Disk: s.disk()}
}

// lived returns a file that only an existing cluster has, or "" if there certainly is none. All of these are written
// after the authorities are complete.
func (s Server) lived() (string, error) {
	if s.Database != nil {
		if path, err := s.Database(); path != "" || err != nil {
			return path, err
		}
	}
	signs := []string{s.server("db", "etcd"), s.server("token"), s.server("cred", "admin.kubeconfig")} // K3s's files too
	for _, leaf := range s.plane() {
		signs = append(signs, leaf.Base+".crt", leaf.Base+".key")
	}
	for _, path := range signs {
		if there, err := cert.Exists(path); there || err != nil {
			return path, err
		}
	}
	return "", nil
}

// Ended returns the leaves that are not valid at that time: their users must load the new one at once.
func (s Server) Ended(now time.Time) (names []string) {
	for _, leaf := range s.leaves() {
		c, err := cert.LoadCertificate(leaf.Base + ".crt")
		if err != nil || now.Before(c.NotBefore) || now.After(c.NotAfter) {
			names = append(names, leaf.ID())
		}
	}
	return names
}
