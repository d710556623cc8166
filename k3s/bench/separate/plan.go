package main

import (
	"flag"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proa-os/proa/k3s/bench/plan"
	"github.com/proa-os/proa/k3s/flannel"
	"github.com/proa-os/proa/k3s/node"
)

const (
	etcdClients = "127.0.0.1:2379"
	etcdPeers   = "http://127.0.0.1:2380"
)

// plan returns the list of processes: first the control plane, and the node components once the images are imported.
func (s setup) plan() plan.Plan {
	controlPlane := s.plane.CommandLines()
	steps := []plan.Step{
		s.start("etcd", "tcp:"+etcdClients, s.etcd()),
		s.start("kube-apiserver", "tcp:127.0.0.1:"+strconv.Itoa(s.HTTPSListenPort), controlPlane["kube-apiserver"]),
		s.until("api-ready", s.kubectl("get", "--raw=/readyz")),
		s.start("kube-controller-manager", "now", controlPlane["kube-controller-manager"]),
		s.start("kube-scheduler", "now", controlPlane["kube-scheduler"]),
		s.until("manifests", s.kubectl("apply", "--server-side", "--force-conflicts", "--filename="+s.Path("server", "manifests"))),
	}
	if s.DisableAgent {
		return plan.Plan{LogDir: s.LogDir, Steps: steps}
	}
	return plan.Plan{LogDir: s.LogDir, Steps: append(steps,
		s.start("containerd", "unix:"+s.ContainerdSocket, []string{"config=" + s.node.ContainerdConfigFile()}),
		s.run("import", append([]string{filepath.Join(s.BinDir, "separate"), "import"}, s.own()...)),
		s.start("kubelet", "tcp:"+node.KubeletHealth, append([]string{"config=" + s.kubeletConfigFile()}, s.node.KubeletCommandLine()...)),
		s.start("flanneld", "file:"+flannel.SubnetFile, s.flanneld()),
		s.start("kube-proxy", "tcp:"+node.ProxyHealth, s.node.ProxyCommandLine()),
		s.until("node-ready", s.kubectl("wait", "--for=condition=Ready", "node/"+s.node.Name, "--timeout=15m")),
	)}
}

// start is a daemon with "flag=value" texts.
func (s setup) start(program, ready string, texts []string) plan.Step {
	argv := []string{filepath.Join(s.BinDir, program)}
	for _, text := range texts {
		argv = append(argv, "--"+strings.TrimPrefix(text, "--"))
	}
	return plan.Step{Name: program, Argv: argv, Ready: ready}
}

func (s setup) run(name string, argv []string) plan.Step { return plan.Step{Name: name, Argv: argv} }

func (s setup) until(name string, argv []string) plan.Step {
	return plan.Step{Name: name, Argv: argv, Retry: true}
}

func (s setup) kubectl(args ...string) []string {
	return append([]string{"kubectl", "--kubeconfig=" + s.plane.AdminKubeconfig()}, args...)
}

// own returns the flags with which this program uses the same paths again.
func (s setup) own() []string {
	return []string{"--data-dir=" + s.DataDir, "--preload-dir=" + s.PreloadDir, "--containerd-socket=" + s.ContainerdSocket,
		"--node-name=" + s.node.Name, "--node-ip=" + s.node.IP}
}

func (s setup) kubeletConfigFile() string { return s.Path("separate", "kubelet.yaml") }

// etcd as upstream ships it. Without TLS: that would cost memory, and is omitted in the baseline's favour.
func (s setup) etcd() []string {
	return []string{
		"name=" + s.node.Name,
		"data-dir=" + s.Path("separate", "etcd"),
		"listen-client-urls=" + s.plane.Datastore,
		"advertise-client-urls=" + s.plane.Datastore,
		"listen-peer-urls=" + etcdPeers,
		"initial-advertise-peer-urls=" + etcdPeers,
		"initial-cluster=" + s.node.Name + "=" + etcdPeers,
	}
}

func (s setup) flanneld() (texts []string) {
	s.node.Flanneld().Flags().VisitAll(func(f *flag.Flag) {
		texts = append(texts, f.Name+"="+f.Value.String())
	})
	return texts
}
