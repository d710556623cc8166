package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/config"
)

func TestK3sConfig(t *testing.T) {
	k := config.K3s{Enabled: true, ServerURL: "https://10.0.0.1:6443", Token: "K10::server:x",
		Labels: map[string]string{"b": "2", "a": "true"}, Taints: []string{"k=v:NoSchedule"},
		Args: []string{"--disable=traefik", "--disable=servicelb", "--node-label=c=3", "--node-name=other", "--snapshotter", "--flannel-backend=host-gw", "--flannel-backend=vxlan"}}
	got, err := K3sConfig(k, "edge-7", false)
	if err != nil {
		t.Fatal(err)
	}
	want := `# written by proa at every boot from the k3s section of its config
node-name: other
server: https://10.0.0.1:6443
token: K10::server:x
node-label:
    - a=true
    - b=2
    - c=3
node-taint:
    - k=v:NoSchedule
disable:
    - traefik
    - servicelb
snapshotter: true
flannel-backend: vxlan
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

// TestSwap: the kubelet does not start on a machine that swaps without being told so; the user has the last word.
func TestSwap(t *testing.T) {
	got, err := K3sConfig(config.K3s{Args: []string{"--kubelet-arg=v=2"}}, "a", true)
	if err != nil || !strings.Contains(string(got), "kubelet-arg:\n    - fail-swap-on=false\n    - v=2\n") {
		t.Errorf("%v\n%s", err, got)
	}
}

// TestStringsStayStrings: a token of digits must stay a string.
func TestStringsStayStrings(t *testing.T) {
	got, err := K3sConfig(config.K3s{Token: "0123"}, "123", false)
	if err != nil || !strings.Contains(string(got), "token: \"0123\"") || !strings.Contains(string(got), "node-name: \"123\"") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestRole(t *testing.T) {
	for want, k := range map[string]config.K3s{"server": {}, "agent": {ServerURL: "https://a"}} {
		if got := Role(k); got != want {
			t.Errorf("%+v: %s", k, got)
		}
	}
	if got := Role(config.K3s{Role: "server", ServerURL: "https://a"}); got != "server" {
		t.Errorf("a second server: %s", got)
	}
}

func TestTable(t *testing.T) {
	names := func(c *config.Config) (out []string) {
		for _, s := range Table(Facts{Config: c}) {
			out = append(out, s.Name+" "+strings.Join(s.Argv, " "))
		}
		return out
	}
	c := config.Default()
	if d := cmp.Diff([]string{"ntp /usr/bin/proa ntp", "k3s /usr/bin/k3s server"}, names(c)); d != "" {
		t.Errorf("without keys there is no SSH: %s", d)
	}
	c.SSHAuthorizedKeys, c.K3s.Enabled = []string{"k"}, false
	if d := cmp.Diff([]string{"ssh /usr/sbin/dropbear -F -E -s -g -k -D ~/.proa-ssh -r /run/proa/ssh/host_ed25519 -p 22", "ntp /usr/bin/proa ntp"}, names(c)); d != "" {
		t.Error(d)
	}
}

// TestNoClusterInMemory: if the data partition is not mounted k3s would create a new cluster, so it is not started.
func TestNoClusterInMemory(t *testing.T) {
	cause := errors.New("vda5: superblock")
	err := Facts{DataErr: cause, Network: func() bool { return true }}.mayRun(context.Background(), func(string) {})
	if !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

// TestInstaller: a live system offers the installer, or installs itself and runs no Kubernetes; a disk does neither.
func TestInstaller(t *testing.T) {
	for _, c := range []struct {
		doc  string
		live bool
		want []string
	}{
		{"", false, []string{"ntp", "k3s"}},
		{"install: {silent: true}", false, []string{"ntp", "k3s"}},
		{"", true, []string{"ntp", "install-tty1", "install-ttyS0", "k3s"}},
		{"users: [{name: ada, password: fair winds}]", true, []string{"login-tty1", "login-ttyS0", "ntp", "k3s"}},
		{"install: {silent: true}", true, []string{"ntp", "install"}},
	} {
		conf, problems := config.Parse("c", []byte(c.doc))
		var got []string
		for _, row := range Table(Facts{Config: conf, Live: c.live, Consoles: []string{"tty0", "ttyS0"}}) {
			got = append(got, row.Name)
		}
		if len(problems) > 0 || !slices.Equal(got, c.want) {
			t.Errorf("%q, live %v: %v, want %v; %v", c.doc, c.live, got, c.want, problems)
		}
	}
}
