package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"

	"github.com/proa-os/proa/images/golden"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/flags"
)

func testNode(t *testing.T, args ...string) Node {
	t.Helper()
	c, _, err := flags.Parse(append([]string{"--config=/nonexistent"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return Node{c, address.Identity{"n1", "10.0.2.15", "eth0"}}
}

func TestFiles(t *testing.T) {
	n := testNode(t)
	golden.Check(t, "containerd.toml", n.containerdConfig(""))
	golden.Check(t, "10-flannel.conf", n.cniConfig())
	golden.Check(t, "flannel-net", n.flannelConfig())
	var parsed map[string]any
	if err := toml.Unmarshal([]byte(n.containerdConfig("")), &parsed); err != nil {
		t.Errorf("containerd's configuration: %v", err)
	}
}

func TestNoFlannelLeavesTheNetworkToTheUser(t *testing.T) {
	n := testNode(t, "--flannel-backend=none")
	if n.cniConfig() != "" || n.flannelConfig() != "" {
		t.Error("a configuration would replace the user's")
	}
}

func TestNameServers(t *testing.T) {
	for text, want := range map[string]string{
		"nameserver 10.0.2.3\nsearch a.example\n":       "forward . 10.0.2.3\n",
		"nameserver 10.0.2.3\nnameserver 2001:db8::1\n": "forward . 10.0.2.3 2001:db8::1\n",
		"# none\n":                "",
		"nameserver 127.0.0.53\n": "",
		"nameserver 127.0.0.53\nnameserver 9.9.9.9":  "forward . 9.9.9.9\n",
		"nameserver fe80::1%eth0\n":                  "",
		"nameserver ::\n":                            "",
		"nameserver 1.1.1.1}evil\n":                  "",
		"search example.com\nnameserver not-an-ip\n": "",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "resolv.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n := testNode(t, "--data-dir="+dir, "--resolv-conf="+path)
		for range 2 {
			if err := n.NameServers(); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := os.ReadFile(filepath.Join(n.NameServerDir(), "forward.override"))
		pods, _ := os.ReadFile(n.podResolvConf())
		if want == "" {
			want, text = "# the node has no name server\n", noUpstream
		}
		if string(got) != want || string(pods) != text {
			t.Errorf("%q: CoreDNS gets %q, pods get %q", text, got, pods)
		}
	}
	n := testNode(t, "--data-dir="+t.TempDir(), "--resolv-conf=/nonexistent")
	if err := n.NameServers(); err != nil {
		t.Error(err)
	}
}

// TestKubeletConfig: the kubelet's own loader reads from the file what the runtime sets in memory, without the user's
// arguments.
func TestKubeletConfig(t *testing.T) {
	n := testNode(t, "--node-taint=k=v:NoSchedule")
	file := filepath.Join(t.TempDir(), "kubelet.yaml")
	data, err := n.KubeletConfig()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	loader, err := configfiles.NewFsLoader(&utilfs.DefaultFs{}, file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.kubeletServer()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&s.KubeletConfiguration, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-in memory +from file):\n%s", diff)
	}
}

// TestLabelsAndTaints: what Kubernetes would refuse is ignored with a reason, and does not affect the others.
func TestLabelsAndTaints(t *testing.T) {
	n := testNode(t, "--node-label=a=1,b=", "--node-label=x", "--node-label=place=my harbour", "--node-label=-bad=x", "--node-label=node-role.kubernetes.io/worker=true",
		"--node-label=topology.kubernetes.io/zone=z", "--node-label=foo.k8s.io/x=1",
		"--node-taint=k=v:NoSchedule", "--node-taint=k=w:NoSchedule", "--node-taint=x", "--node-taint=k:NoSchedule-", "--node-taint=my key=v:NoExecute", "--kubelet-arg=max-pods=42")
	s, err := n.kubeletServer()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "", "topology.kubernetes.io/zone": "z"}, s.NodeLabels); diff != "" {
		t.Error(diff)
	}
	s.FailCgroupV1 = false                                   // the machine that runs the tests may have cgroup v1
	if err := options.ValidateKubeletServer(s); err != nil { // as the kubelet does at start
		t.Error(err)
	}
	good, refused := n.Labels()
	if len(good) != 5 || good["node-role.kubernetes.io/worker"] != "true" || len(refused) != 3 || refused["place=my harbour"] == nil {
		t.Errorf("good %v, refused %v", good, refused)
	}
	_, refused = n.Taints()
	if len(s.RegisterWithTaints) != 1 || s.RegisterWithTaints[0].Value != "v" || len(refused) != 4 {
		t.Errorf("taints %v, refused %v", s.RegisterWithTaints, refused)
	}
	if s.MaxPods != 42 || s.Authentication.Anonymous.Enabled {
		t.Errorf("max-pods %d, anonymous %v", s.MaxPods, s.Authentication.Anonymous.Enabled)
	}
	if _, err := testNode(t, "--kubelet-arg=no-such=1").kubeletServer(); err == nil {
		t.Error("an unknown argument was accepted")
	}
}
