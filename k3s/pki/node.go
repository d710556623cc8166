// Package pki lists the certificates of a cluster's machines: those of a server, which has the authorities and issues
// them (k3s/pki/issue), and those of a node, which asks for them (k3s/pki/ask). Leaves that are missing, near their
// expiry or wrong are written, and no other file. Authorities are valid for ten years, leaves for one, both from the
// build date on, whatever the clock says.
package pki

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/k3s/pki/ask"
	"github.com/proa-os/proa/k3s/pki/cert"
)

// Node is a machine that runs pods. Its files are below agent.
type Node struct {
	DataDir  string
	NodeName string
	NodeIP   string
	Built    time.Time
	Report   ask.Reporter // nil: problems are not reported

	to cert.Disk // nil: durable
}

func (n Node) agent(name string) string { return filepath.Join(n.DataDir, "agent", name) }

func (n Node) disk() cert.Disk {
	if n.to == nil {
		return cert.Durable{}
	}
	return n.to
}

// leaves returns the node's certificates.
func (n Node) leaves() []cert.Leaf {
	return []cert.Leaf{
		{Authority: "server-ca", Base: n.agent("serving-kubelet"), Name: n.NodeName, Hosts: n.hosts()},
		{Authority: "client-ca", Base: n.agent("client-kubelet"), Name: nodeUser + n.NodeName, Groups: []string{"system:nodes"}},
		{Authority: "client-ca", Base: n.agent("client-kube-proxy"), Name: "system:kube-proxy"},
		{Authority: "client-ca", Base: n.agent("client-k3s-controller"), Name: "system:k3s-controller"},
	}
}

// hosts are the names by which servers on this machine are reached.
func (n Node) hosts() []string {
	return []string{"localhost", "127.0.0.1", "::1", n.NodeName, n.NodeIP}
}

// Ensure asks an issuer for the node's missing and expiring leaves, and for the authorities with which the node verifies
// others, and returns the names of the leaves it wrote. It may be called repeatedly while the cluster runs.
func (n Node) Ensure(ctx context.Context, issuer ask.Issuer, now time.Time) (renewed []string, err error) {
	if err := makeDirs(n.DataDir, n.agent("")); err != nil {
		return nil, err
	}
	a := n.asker(issuer, n.leaves(), now)
	if renewed, err = a.Ensure(ctx); err != nil {
		return nil, err
	}
	return renewed, a.Trust(ctx, n.agent(""), "client-ca", "server-ca")
}

func (n Node) asker(issuer ask.Issuer, leaves []cert.Leaf, now time.Time) ask.Asker {
	return ask.Asker{Issuer: issuer, Leaves: leaves, Dates: cert.DatesAt(n.Built, now), Disk: n.disk(), Report: n.Report}
}

func makeDirs(paths ...string) error {
	for _, path := range paths {
		if err := cert.MakeDir(path); err != nil {
			return err
		}
	}
	return nil
}

// nodeUser is the beginning of a kubelet's user name; the node's name follows.
const nodeUser = "system:node:"

// NodeOf returns the node name in a kubelet's certificate, "" if there is none.
func NodeOf(path string) string {
	c, err := cert.LoadCertificate(path)
	if err != nil {
		return ""
	}
	name, is := strings.CutPrefix(c.Subject.CommonName, nodeUser)
	if !is {
		return ""
	}
	return name
}
