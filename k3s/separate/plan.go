package main

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proa-os/proa/k3s/node"
	"github.com/proa-os/proa/k3s/separate/plan"
)

const etcdClients = "127.0.0.1:2379"

// plan returns the list of processes: first the control plane, and the node components once the images are imported.
func (s setup) plan() plan.Plan {
	steps := []plan.Step{
		s.start("etcd", "tcp:"+etcdClients, s.etcd()),
		s.start("kube-apiserver", "tcp:127.0.0.1:"+strconv.Itoa(s.HTTPSListenPort), s.apiServer()),
		s.until("api-ready", s.kubectl("get", "--raw=/readyz")),
		s.start("kube-controller-manager", "now", s.controllerManager()),
		s.start("kube-scheduler", "now", s.scheduler()),
		s.until("manifests", s.kubectl("apply", "--server-side", "--force-conflicts", "--filename="+s.Path("server", "manifests"))),
	}
	if s.DisableAgent {
		return plan.Plan{LogDir: s.LogDir, Steps: steps}
	}
	return plan.Plan{LogDir: s.LogDir, Steps: append(steps,
		s.start("containerd", "unix:"+s.ContainerdSocket, []string{"--config=" + s.agent("etc/containerd/config.toml")}),
		s.run("import", append([]string{filepath.Join(s.BinDir, "separate"), "import"}, s.own()...)),
		s.start("kubelet", "tcp:127.0.0.1:10248", s.kubelet()),
		s.start("flanneld", "file:"+node.SubnetFile, s.flannel()),
		s.start("kube-proxy", "tcp:127.0.0.1:10256", s.proxy()),
		s.until("node-ready", s.kubectl("wait", "--for=condition=Ready", "node/"+s.Node.Name, "--timeout=15m")),
	)}
}

func (s setup) start(program, ready string, args []string) plan.Step {
	return plan.Step{Name: program, Argv: append([]string{filepath.Join(s.BinDir, program)}, args...), Ready: ready}
}

func (s setup) run(name string, argv []string) plan.Step { return plan.Step{Name: name, Argv: argv} }

func (s setup) until(name string, argv []string) plan.Step {
	return plan.Step{Name: name, Argv: argv, Retry: true}
}

func (s setup) kubectl(args ...string) []string {
	return append([]string{"kubectl", "--kubeconfig=" + s.cred("admin")}, args...)
}

// own returns the flags with which this program uses the same paths again.
func (s setup) own() []string {
	return []string{"--data-dir=" + s.DataDir, "--preload-dir=" + s.PreloadDir, "--containerd-socket=" + s.ContainerdSocket,
		"--node-name=" + s.Node.Name, "--node-ip=" + s.Node.IP}
}

func (s setup) tls(name string) string   { return s.Path("server", "tls", name) }
func (s setup) cred(name string) string  { return s.Path("server", "cred", name+".kubeconfig") }
func (s setup) agent(name string) string { return s.Path("agent", name) }

// etcd as upstream ships it. Without TLS: that would cost memory, and is omitted in the baseline's favour.
func (s setup) etcd() []string {
	return []string{
		"--name=" + s.Node.Name,
		"--data-dir=" + s.Path("separate", "etcd"),
		"--listen-client-urls=http://" + etcdClients,
		"--advertise-client-urls=http://" + etcdClients,
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=" + s.Node.Name + "=http://127.0.0.1:2380",
	}
}

// flannel's settings are in files; the program is a small main over its packages, see flanneld.
func (s setup) flannel() []string {
	iface := s.FlannelIface
	if iface == "" {
		iface = s.Node.Iface
	}
	return []string{
		"--kubeconfig=" + s.agent("k3scontroller.kubeconfig"),
		"--net-config=" + s.agent("etc/flannel/net-conf.json"),
		"--subnet-file=" + node.SubnetFile,
		"--node-name=" + s.Node.Name,
		"--iface=" + iface,
		"--public-ip=" + s.Node.IP,
	}
}

func opt(name string, values ...string) string { return "--" + name + "=" + strings.Join(values, ",") }
