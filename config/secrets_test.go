package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// withSecrets has a secret at every possible place; each contains the mark.
const withSecrets = `hostname: kiosk-3
ssh_authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org
write_files:
  - path: /etc/app.env
    content: |
      PASSWORD: hunter2hunter2
      hunter2hunter2
    permissions: "0600"
  - {path: /etc/b, content: "hunter2hunter2: b"}
network:
  interfaces: {eth0: {dhcp: true, addresses: [10.0.0.2/24]}}
  wifi:
    - name: Harbour
      passphrase: hunter2hunter2
    - {name: Quay, passphrase: 'hunter2hunter2', hidden: true}
k3s:
  role: agent
  server_url: https://192.168.1.10:6443
  token: hunter2hunter2
  args: [--v=1, "--token=hunter2hunter2"]
  labels: {region: quay}
  taints: ["gpu=true:NoSchedule"]
health: {deadline: 30m, checks: [{name: till, command: hunter2hunter2}, {name: web, http: "http://a/hunter2hunter2"}]}
`

const mark = "hunter2"

// TestSecretsInEveryPosition: mistakes that users make with a secret, one at a time.
func TestSecretsInEveryPosition(t *testing.T) {
	n := 0
	for _, form := range []string{"*%s", "&%s", "!%s", "!%s x", "!<%s> x", "@%s", "%%%s", "`%s", "|%s", ">%s", "#%s", "- %s", "? %s", "%s: x", "{%s: x}", "[%s]", "{%s}", "'%s", "\"%s", "\"\\%s\"", "%s:%s: x", ": %s",
		"[%s, *%[1]s]", "{a: b, %s, c: d}", "fair, %s", "\n  %s: x", "\n%s: x", "\n\t%s", "\n- %s", "!!binary %s", "!!int %s", "!!map %s", "<<: %s", "%s\x01", "%s\xff", "\u200b%s", "---\n%s: x", "--- *%s", "\n...\n%s"} {
		for _, where := range []string{"k3s:\n  token: %s\n", "k3s: {role: agent, token: %s, enabled: true}\n", "network:\n  wifi:\n    - name: a\n      passphrase: %s\n", "network: {wifi: [{name: a, passphrase: %s}]}\n",
			"write_files:\n  - path: /a\n    content: %s\n", "write_files: [{path: /a, content: %s, owner: root}]\n", "k3s:\n  args:\n    - --token=%s\n", "k3s:\n  args: [--token, %s]\n", "k3s:\n  server_url: %s\n", "%s\n", "token: %s\n",
			"version: %s\n", "health: {deadline: %s}\n", "health: {checks: [{name: a, command: %s}]}\n", "health:\n  checks:\n    - {http: %s, name: a}\n", "k3s: {role: %s}\n", "k3s: {labels: {a: %s}, taints: [%[1]s]}\n", "network: {interfaces: {%s: {mtu: %[1]s}}}\n", "sysctls: {%s: %[1]s}\n", "modules: %s\n", "? %s\n: a\n"} {
			value := fmt.Sprintf(strings.ReplaceAll(form, "%s", "%[1]s"), mark+mark)
			doc := fmt.Sprintf(strings.ReplaceAll(where, "%s", "%[1]s"), value)
			n++
			silent(t, doc, "")
		}
	}
	for _, line := range []string{"k3s.token=x k3s.token.hunter2=y", "k3s.hunter2=1 k3s.hunter2.hunter2=2", "k3s[hunter2]=1", "k3s.role=hunter2", "k3s.args=hunter2 k3s.args=--hunter2", "network.wifi=hunter2",
		"k3s.labels[hunter2]=-", "sysctls[hunter2]=1", "ssh_authorized_keys=hunter2", "hostname=hunter2_", "network.interfaces[hunter2].mtu=hunter2"} {
		silent(t, "", line)
		n++
	}
	t.Logf("%d documents", n)
}

// TestSecretsInBrokenDocuments: a valid document with random changes; the mark itself is not changed.
func TestSecretsInBrokenDocuments(t *testing.T) {
	const seed, rounds = 14, 6000
	r := rand.New(rand.NewPCG(seed, seed))
	bits := []string{" ", "  ", "\n", "\t", ":", ": ", "-", "- ", "{", "}", "[", "]", ",", "*", "&", "!", "|", ">", "\"", "'", "#", "?", "\\", "%", "@", "\u00a0", "\x01", "\xff", "---\n", "<<", "!!map "}
	for range rounds {
		doc := withSecrets
		for range 1 + r.IntN(4) {
			parts := strings.SplitAfter(doc, mark) // change only the text between marks, so that they can be found
			i := r.IntN(len(parts))
			body, m := strings.TrimSuffix(parts[i], mark), ""
			if strings.HasSuffix(parts[i], mark) {
				m = mark
			}
			at := r.IntN(len(body) + 1)
			cut := min(len(body), at+r.IntN(2)*r.IntN(12))
			parts[i] = body[:at] + bits[r.IntN(len(bits))] + body[cut:] + m
			doc = strings.Join(parts, "")
		}
		silent(t, doc, "")
	}
	t.Logf("seed %d, %d documents", seed, rounds)
}

// silent fails if a message quotes a part of a secret, or if Show prints a known secret.
func silent(t *testing.T, doc, line string) {
	t.Helper()
	_, problems := loaded(doc, line)
	for _, p := range problems {
		if strings.Contains(p.String(), "hunter") {
			t.Errorf("%q %q: %s", doc, line, p)
		}
	}
}

// TestShowMasks: every secret in the schema.
func TestShowMasks(t *testing.T) {
	c, got := problems(t, withSecrets, "k3s.token=hunter2hunter3")
	shown, err := Show(c)
	if err != nil || got != "" || strings.Contains(string(shown), mark) || strings.Count(string(shown), hidden) != 8 || !strings.Contains(string(shown), "--v=1") {
		t.Errorf("%v %s\n%s", err, got, shown)
	}
}

// TestRefusedIsDropped: a value that is reported is not in the result.
func TestRefusedIsDropped(t *testing.T) {
	for doc, want := range map[string]string{
		"sysctls: {novalue: 1}\n":                                     "want a setting such as",
		"sysctls: {vm.swappiness: }\n":                                "want a value",
		"network: {wifi: [{name: }]}\n":                               "no value, and one is required",
		"network: {wifi: [{name: ''}]}\n":                             "want the name of a network",
		"network: {wifi: [{name: a, passphrase: }]}\n":                "needs quotes",
		"network: {wifi: [{name: a, passphrase: &hunter2}]}\n":        "needs quotes",
		"network: {wifi: [{name: a, passphrase: !hunter2}]}\n":        "needs quotes",
		"network: {wifi:\n  [{name: a, passphrase: #hunter2\n  }]}\n": "needs quotes",
		"k3s: {token: }\n":                                            "needs quotes",
		"k3s: {token: !secret}\n":                                     "needs quotes",
		"write_files: [{path: , content: a}]\n":                       "no value, and one is required",
		"write_files: [{path: '', content: a}]\n":                     "want an absolute path",
		"network: {dns: ['']}\n":                                      "want an IP address",
		"modules: ['']\n":                                             "want a module's name",
		"modules: [null]\n":                                           "want a string, found nothing",
		"k3s: {args: ['']}\n":                                         "want a flag",
		"network: {interfaces: {'a b': {mtu: 1500}}}\n":               "want an interface",
		"k3s: {labels: {'': a}}\n":                                    "want [PREFIX/]NAME",
		"k3s: {server_url: 'https://a:hunter2@b:6443'}\n":             "want a URL",
	} {
		c, got := problems(t, doc, "")
		bare, err := Show(Default())
		if err != nil {
			t.Fatal(err)
		}
		shown, err := Show(c)
		if !strings.Contains(got, want) || err != nil {
			t.Errorf("%q: %q", doc, got)
		}
		if left := strings.NewReplacer("sysctls: {}\n", "", "network:\n    wifi: []\n", "", "network:\n    dns: []\n", "", "network:\n    interfaces: {}\n", "", "    labels: {}\n", "", "    args: []\n", "", "modules: []\n", "", "write_files: []\n", "").
			Replace(string(shown)); left != string(bare) {
			t.Errorf("%q is reported and holds:\n%s", doc, left)
		}
	}
	// two spellings of one hardware address are one interface
	c, got := problems(t, "network: {interfaces: {'52:54:00:12:34:5a': {mtu: 1400}, '52-54-00-12-34-5A': {mtu: 1500}}}\n", "")
	if !strings.Contains(got, "duplicate key") || len(c.Network.Interfaces) != 1 || c.Network.Interfaces["52:54:00:12:34:5a"].MTU != 1400 {
		t.Errorf("%q %+v", got, c.Network.Interfaces)
	}
}
