package k3sargs

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// translated returns the k3s section, and what was said.
func translated(t *testing.T, text string, translate func(*draft.Draft, *yaml.Node)) (string, string) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	d := draft.New()
	translate(d, doc.Content[0])
	section := d.Get("k3s")
	if section == nil {
		section = draft.Map(d.Root)
	}
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(section); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, n := range d.Notes {
		said = append(said, map[bool]string{true: "refused: ", false: ""}[n.Refused]+n.Message)
	}
	return strings.Join(strings.Fields(out.String()), " "), strings.Join(said, "\n")
}

func TestAdd(t *testing.T) {
	for _, c := range []struct{ name, args, want, said string }{
		{"role first", `[server, "--tls-san=a.example.org"]`, `role: server args: - --tls-san=a.example.org`, ""},
		{"two entries", `[agent, --node-ip, 10.0.0.7, --disable-agent, --v, "3"]`,
			`role: agent args: - --node-ip=10.0.0.7 - --disable-agent - --v=3`, ""},
		{"one entry with a blank", `["--node-name edge-1", "-v=2"]`, `args: - --node-name=edge-1 - --v=2`, ""},
		{"three entries", `[--kubelet-arg, max-pods, "50", --kubelet-arg, v=4]`,
			`args: - --kubelet-arg=max-pods=50 - --kubelet-arg=v=4`, ""},
		{"old names", `[--no-deploy, traefik, --kube-controller-arg=v=2, --protect-kernel-defaults]`,
			`args: - --disable=traefik - --kube-controller-manager-arg=v=2 - --protect-kernel-defaults`, ""},
		{"no dashes", `[disable=coredns]`, `args: - --disable=coredns`, ""},
		{"what joins", `[--server, "https://a:6443", -t, secret]`, `server_url: https://a:6443 token: secret`, ""},
		{"not here", `[--cluster-init, --etcd-snapshot-retention, "5", --disable=coredns]`, `args: - --disable=coredns`,
			"--cluster-init has no effect: a cluster has one server in this release\n" +
				"--etcd-snapshot-retention has no effect: the datastore is SQLite on the data partition in this release"},
		{"no flag", `[server, hush]`, `role: server`, "refused: k3s: an argument that is no flag and belongs to none"},
		{"nothing", `[]`, `{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, said := translated(t, c.args, func(d *draft.Draft, n *yaml.Node) { Add(d, d.Items(n)) })
			if got != c.want || said != c.said {
				t.Errorf("got  %s\nwant %s\nsaid %s", got, c.want, said)
			}
		})
	}
}

func TestFile(t *testing.T) {
	text := "token: t\nserver: https://a:6443\ndisable+: [traefik, coredns]\nnode-label: a=b\nsecrets-encryption: true\n" +
		"disable-agent: false\nkube-apiserver-arg:\n  - oidc-username-prefix=oidc:\n"
	got, said := translated(t, text, File)
	want := "token: t server_url: https://a:6443 args: - --disable=traefik - --disable=coredns - --node-label=a=b " +
		"- --disable-agent=false - --kube-apiserver-arg=oidc-username-prefix=oidc:"
	if got = strings.ReplaceAll(got, "'", ""); got != want || !strings.HasPrefix(said, "--secrets-encryption has no effect: ") {
		t.Errorf("got  %s\nwant %s\nsaid %s", got, want, said)
	}
}

func TestIsFile(t *testing.T) {
	for text, want := range map[string]bool{
		"token: a\ndisable+: [b]\n": true, "etcd-s3: true\n": true, "hostname: a\ntoken: b\n": false, "{}": false,
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if got := IsFile(doc.Content[0]); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
