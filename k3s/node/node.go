// Package node runs the node components in this process: containerd, the kubelet, kube-proxy and flannel, and imports
// the image archives on the node. Only shims, the OCI runtime and CNI plugins are separate processes: they, and with
// them the pods, keep running when the runtime ends.
package node

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/kubeconfig"
	"github.com/proa-os/proa/k3s/preload"
	"github.com/proa-os/proa/k3s/registries"
)

// Node is this machine as a node of the cluster.
type Node struct {
	*flags.Config
	address.Identity
}

func (n Node) agent(elem ...string) string {
	return n.Path(append([]string{"agent"}, elem...)...)
}

func (n Node) kubeconfig(user string) string { return n.agent(user + ".kubeconfig") }

// KubeletKubeconfig is the kubeconfig of the node itself.
func (n Node) KubeletKubeconfig() string { return n.kubeconfig("kubelet") }

// kubeconfigs are the node's users and their certificates.
var kubeconfigs = []struct{ file, certificate string }{
	{"kubelet", "client-kubelet"},
	{"kubeproxy", "client-kube-proxy"},
	{"k3scontroller", "client-k3s-controller"},
}

// Reporter receives problems of a node that works otherwise.
type Reporter = preload.Reporter

// Files writes all files that the node's components read. Errors in a user's file are reported and the entry is
// ignored.
func (n Node) Files(report Reporter) error {
	server := "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(n.HTTPSListenPort))
	for _, k := range kubeconfigs {
		if err := kubeconfig.File(n.kubeconfig(k.file), server, n.agent("server-ca.crt"), n.agent(k.certificate)); err != nil {
			return err
		}
	}
	for _, dir := range []string{n.agent("pod-manifests"), n.agent("images")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	auths, err := n.registries(report)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path, content string
		perm          os.FileMode
	}{
		{n.ContainerdConfigFile(), n.containerdConfig(auths), 0o600},
		{n.flannelConfigFile(), n.flannelConfig(), 0o644},
		{n.agent("etc/cni/net.d/10-flannel.conflist"), n.cniConfig(), 0o644},
	} {
		if err := writeFile(f.path, f.content, f.perm); err != nil {
			return err
		}
	}
	return n.NameServers()
}

// registries writes containerd's files from the user's registries.yaml, and returns its part of containerd's
// configuration.
func (n Node) registries(report Reporter) (auths string, err error) {
	r := registries.Load(n.PrivateRegistry)
	more, err := r.Write(n.certs())
	for i, line := range append(r.Problems, more...) {
		report.Problem(fmt.Sprintf("registries:%02d", i), line)
	}
	return r.TOML(), err
}

func writeFile(path, content string, perm os.FileMode) error {
	if content == "" {
		return os.RemoveAll(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, err := atomicfile.WriteIfChanged(path, []byte(content), perm)
	return err
}

// quote quotes a path for TOML or JSON.
func quote(s string) string { return fmt.Sprintf("%q", s) }
