package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// Identity is what the certificates of one server and its node say.
type Identity struct {
	DataDir  string
	NodeName string
	NodeIP   string
	Domain   string
	Service  string   // address of the kubernetes service
	SANs     []string // further names of the API server
}

// certificate is one row of the cluster's list.
type certificate struct {
	authority string
	leaf      Leaf
}

// authorities are K3s's, by file name below server/tls.
var authorities = []string{"client-ca", "server-ca", "request-header-ca"}

// certificates lists every leaf. Files below server/tls belong to the control plane, those below agent to the node.
func (id Identity) certificates() []certificate {
	tls := func(name string) string { return filepath.Join(id.DataDir, "server", "tls", name) }
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

// Ensure brings every authority, leaf and key of the cluster into being and names the leaves it renewed.
func (id Identity) Ensure(now time.Time) (renewed []string, err error) {
	dir := filepath.Join(id.DataDir, "server", "tls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	signers := map[string]*Authority{}
	for _, name := range authorities {
		if signers[name], err = EnsureAuthority(filepath.Join(dir, name), "k3s-"+name, now); err != nil {
			return nil, fmt.Errorf("authority %s: %w", name, err)
		}
	}
	for _, c := range id.certificates() {
		wrote, err := signers[c.authority].Ensure(c.leaf, now)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", filepath.Base(c.leaf.Base), err)
		}
		if wrote {
			renewed = append(renewed, filepath.Base(c.leaf.Base))
		}
	}
	if err := EnsureKey(filepath.Join(dir, "service.key")); err != nil {
		return nil, fmt.Errorf("service account key: %w", err)
	}
	return renewed, id.trust(dir)
}

// trust gives the node its copies of the two authorities it verifies others with.
func (id Identity) trust(dir string) error {
	for _, name := range []string{"client-ca.crt", "server-ca.crt"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := renameio.WriteFile(filepath.Join(id.DataDir, "agent", name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
