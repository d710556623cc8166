package node

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/proa-os/proa/k3s/flags"
)

var update = flag.Bool("update", false, "write the golden files")

func testNode(t *testing.T, args ...string) Node {
	t.Helper()
	c, _, err := flags.Parse(append([]string{"--config=/nonexistent"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return Node{c, Identity{"n1", "10.0.2.15", "eth0"}}
}

func TestFiles(t *testing.T) {
	n := testNode(t)
	for name, got := range map[string]string{
		"containerd.toml":    n.containerdConfig(""),
		"10-flannel.conf":    n.cniConfig(),
		"flannel-net.golden": n.flannelConfig(),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
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

func TestResolvConf(t *testing.T) {
	for text, own := range map[string]bool{
		"nameserver 10.0.2.3\n":                      false,
		"# none\n":                                   true,
		"nameserver 127.0.0.53\n":                    true,
		"nameserver 127.0.0.53\nnameserver 9.9.9.9":  false,
		"nameserver fe80::1%eth0\n":                  false,
		"search example.com\nnameserver not-an-ip\n": true,
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := resolvConf(path) != ""; got != own {
			t.Errorf("%q: own file %v, want %v", text, got, own)
		}
	}
	if resolvConf("/nonexistent") == "" {
		t.Error("no file: CoreDNS would have nothing to forward to")
	}
}

func TestLabelsAndTaints(t *testing.T) {
	n := testNode(t, "--node-label=a=1,b=", "--node-taint=k=v:NoSchedule", "--kubelet-arg=max-pods=42")
	s, err := n.kubeletServer()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": ""}, s.NodeLabels); diff != "" {
		t.Error(diff)
	}
	if len(s.RegisterWithTaints) != 1 || s.MaxPods != 42 || s.Authentication.Anonymous.Enabled {
		t.Errorf("taints %v, max-pods %d, anonymous %v", s.RegisterWithTaints, s.MaxPods, s.Authentication.Anonymous.Enabled)
	}
	for _, bad := range []string{"--node-label=x", "--node-taint=x", "--kubelet-arg=no-such=1"} {
		if _, err := testNode(t, bad).kubeletServer(); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
