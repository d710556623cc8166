package flags

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files writes config.yaml and its drop-ins, and returns the path of the first.
func files(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range contents {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.yaml")
}

func TestPrecedence(t *testing.T) {
	path := files(t, map[string]string{
		"config.yaml":            "node-name: file\ncluster-domain: file.local\nnode-label: [a=1]\ntls-san: [one, two]\nkubelet-arg: [v=2]\n",
		"config.yaml.d/10.yaml":  "cluster-domain: dropin.local\nnode-label+: [b=2]\nno-such-flag: 1\n",
		"config.yaml.d/20.yaml":  "kubelet-arg: [max-pods=50]\n",
		"config.yaml.d/skip.txt": "node-name: wrong\n",
	})
	c, warnings, err := Parse([]string{"--config", path, "--node-name=cli", "--tls-san=three"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.NodeName, c.ClusterDomain, c.NodeLabels, c.TLSSan, c.KubeletArgs}
	want := []any{"cli", "dropin.local", []string{"a=1", "b=2"}, []string{"three"}, []string{"max-pods=50"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], `"no-such-flag"`) {
		t.Errorf("warnings: %q", warnings)
	}
}

// TestDropInsFailAlone: an invalid drop-in is reported and ignored; the others are used.
func TestDropInsFailAlone(t *testing.T) {
	path := files(t, map[string]string{
		"config.yaml":           "node-name: file\nnode-label: [a=1]\n",
		"config.yaml.d/10.yaml": "node-name: [\n",
		"config.yaml.d/20.yaml": "- list\n",
		"config.yaml.d/30.yaml": "https-listen-port: many\nnode-label+: [b=2]\n",
		"config.yaml.d/40.yaml": "node-label+: [c=3]\ntls-san: {a: 1}\n",
		"config.yaml.d/50.yaml": "cluster-domain: last.local\n",
	})
	if err := os.Mkdir(filepath.Join(path+".d", "60.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Parse([]string{"--config", path})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.NodeName, c.NodeLabels, c.ClusterDomain, c.HTTPSListenPort}
	want := []any{"file", []string{"a=1", "b=2"}, "last.local", 6443}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text := strings.Join(warnings, "\n")
	for _, says := range []string{"10.yaml: yaml:", "20.yaml:1: want flag names", "30.yaml: https-listen-port", "40.yaml:2: tls-san", "60.yaml: not a regular"} {
		if !strings.Contains(text, says) {
			t.Errorf("no warning %q in\n%s", says, text)
		}
	}
}

func TestDefaults(t *testing.T) {
	c, _, err := Parse([]string{"--config=/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.ClusterDNS, c.APIServiceIP().String(), c.Path("server", "tls"), c.FlannelBackend}
	want := []string{"10.43.0.10", "10.43.0.1", "/var/lib/rancher/k3s/server/tls", "vxlan"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ file, arg, says string }{
		{"node-label: {a: 1}", "", "config.yaml:1: node-label"},
		{"- a", "", "config.yaml:1: want flag names"},
		{"a: [", "", "config.yaml: yaml:"},
		{"https-listen-port: many", "", "https-listen-port"},
		{"cluster-cidr: [10.0.0.0/16, fd00::/56]", "", "want one value, not 2"},
		{"", "--no-such-flag", "no-such-flag"},
		{"", "stray", "unexpected argument"},
	} {
		args := []string{"--config", files(t, map[string]string{"config.yaml": c.file})}
		if c.arg != "" {
			args = append(args, c.arg)
		}
		if _, _, err := Parse(args); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q %q: error %v, want one saying %q", c.file, c.arg, err, c.says)
		}
	}
}

// TestWrongValues: invalid values are reported and replaced by their defaults.
func TestWrongValues(t *testing.T) {
	for arg, says := range map[string]string{
		"--cluster-cidr=10.0.0.0": "cluster-cidr", "--service-cidr=x": "service-cidr", "--cluster-dns=10.0.0.1": "not in service-cidr", "--cluster-dns=x": "cluster-dns",
		"--flannel-backend=udp": "flannel-backend", "--node-name=Upper": "lower case",
	} {
		want, _, err := Parse([]string{"--config=/nonexistent"})
		if err != nil {
			t.Fatal(err)
		}
		got, warnings, err := Parse([]string{"--config=/nonexistent", arg})
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], says) {
			t.Errorf("%s: %q, %v", arg, warnings, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", arg, diff)
		}
	}
	if c, warnings, _ := Parse([]string{"--config=/nonexistent", "--service-cidr=10.9.0.0/16", "--cluster-dns=10.9.0.53"}); len(warnings) > 0 || c.ClusterDNS != "10.9.0.53" {
		t.Errorf("%s, %q", c.ClusterDNS, warnings)
	}
}

// TestFileOfK3s: what K3s's documentation and users have in the file works, or is named with the reason.
func TestFileOfK3s(t *testing.T) {
	path := files(t, map[string]string{"config.yaml": "write-kubeconfig-mode: 644\nservice-node-port-range: 20000-22767\n" +
		"protect-kernel-defaults: true\ndisable-network-policy: true\ncluster-init: true\netcd-s3: true\n" +
		"kube-apiserver-arg:\n  - oidc-username-prefix=oidc:\n  - service-node-port-range=1-2\n"})
	c, warnings, err := Parse([]string{"--config", path})
	if err != nil {
		t.Fatal(err)
	}
	if c.KubeconfigMode() != 0o644 {
		t.Errorf("mode %o", c.KubeconfigMode())
	}
	want := [][]string{{"service-node-port-range=20000-22767", "oidc-username-prefix=oidc:", "service-node-port-range=1-2"}, {"protect-kernel-defaults=true"}}
	if diff := cmp.Diff(want, [][]string{c.APIServerArgs, c.KubeletArgs}); diff != "" {
		t.Error(diff)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], "cluster-init has no effect: ") || !strings.Contains(warnings[1], "etcd-s3 has no effect: ") {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestKubeconfigMode(t *testing.T) {
	for mode, want := range map[string]os.FileMode{"0640": 0o640, "777": 0o777, "0044": 0o644, "rw": 0o600, "1777": 0o600} {
		path := files(t, map[string]string{"config.yaml": "write-kubeconfig-mode: \"" + mode + "\"\n"})
		c, _, err := Parse([]string{"--config", path})
		if err != nil || c.KubeconfigMode() != want {
			t.Errorf("%s: %o %v", mode, c.KubeconfigMode(), err)
		}
	}
}
