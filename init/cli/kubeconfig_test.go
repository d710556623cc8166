package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/proa-os/proa/init/adminconfig"
	"github.com/proa-os/proa/init/status"
)

// admin is what k3s writes.
const admin = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
`

func node(t *testing.T, s status.Status) Env {
	t.Helper()
	e := device(t)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, status.File, string(text))
	put(t, e, adminconfig.File, admin)
	return e
}

func TestKubeconfig(t *testing.T) {
	e := node(t, status.Status{Hostname: "edge-7", NodeName: "edge-7", NodeIP: "192.0.2.7"})
	put(t, e, "/etc/rancher/k3s/config.yaml", "node-name: edge-7\ntls-san:\n  - edge.example.org\n")
	for _, c := range []struct {
		args               string
		server, name, sani string
	}{
		{"", "https://192.0.2.7:6443", "edge-7", ""},
		{"--server edge-7 --context harbour", "https://edge-7:6443", "harbour", ""},
		{"--server edge.example.org", "https://edge.example.org:6443", "edge-7", ""},
		{"--server nat.example.org:16443", "https://nat.example.org:16443", "edge-7", "kubernetes"},
		{"--server https://127.0.0.1:41234", "https://127.0.0.1:41234", "edge-7", ""},
		{"--server 2001:db8::7", "https://[2001:db8::7]:6443", "edge-7", "kubernetes"},
		{"--server [2001:db8::7]:16443", "https://[2001:db8::7]:16443", "edge-7", "kubernetes"},
	} {
		code, out, errs := run(e, append([]string{"kubeconfig"}, strings.Fields(c.args)...)...)
		if code != 0 {
			t.Errorf("%s: exit %d, %s", c.args, code, errs)
			continue
		}
		want := strings.NewReplacer("default", c.name, "https://127.0.0.1:6443", c.server).Replace(admin)
		want = strings.ReplaceAll(strings.ReplaceAll(want, "\n- ", "\n  - "), "\n    ", "\n      ")
		want = strings.NewReplacer("\n  name", "\n    name", "\n  user:", "\n    user:").Replace(want)
		if c.sani != "" {
			want = strings.Replace(want, "\n    name: "+c.name, "\n      tls-server-name: "+c.sani+"\n    name: "+c.name, 1)
		}
		if d := cmp.Diff(want, out); d != "" {
			t.Errorf("%s:\n%s", c.args, d)
		}
	}
}

func TestKubeconfigRefuses(t *testing.T) {
	with := func(nodeIP string) Env { return node(t, status.Status{Hostname: "edge-7", NodeIP: nodeIP}) }
	agent := with("192.0.2.7")
	agent.Root = device(t).Root
	secret := with("192.0.2.7")
	put(t, secret, adminconfig.File, "users: [{name: *hunter2}]")
	for want, c := range map[string]struct {
		e    Env
		args []string
	}{
		"this node is an agent":           {agent, nil},
		"no address that others reach":    {with(""), nil},
		"name one by --server":            {with("203.0.113.254"), nil},
		`--server "http://x": want HOST`:  {with("192.0.2.7"), []string{"--server", "http://x"}},
		`--server "a/b": want HOST`:       {with("192.0.2.7"), []string{"--server", "a/b"}},
		`--server "root@a": want HOST`:    {with("192.0.2.7"), []string{"--server", "root@a"}},
		`--context "a b": want letters`:   {with("192.0.2.7"), []string{"--context", "a b"}},
		`unexpected argument "edge"`:      {with("192.0.2.7"), []string{"edge"}},
		"k3s.yaml is no kubeconfig":       {secret, nil},
		"kubeconfig: flag provided but n": {with("192.0.2.7"), []string{"--merge"}},
	} {
		code, out, errs := run(c.e, append([]string{"kubeconfig"}, c.args...)...)
		if code == 0 || out != "" || !strings.Contains(errs, strings.TrimPrefix(want, "kubeconfig: ")) || strings.Contains(errs, "hunter2") {
			t.Errorf("%v: exit %d, %q, %q; want %q", c.args, code, out, errs, want)
		}
	}
}
