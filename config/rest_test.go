package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheRestHolds: an error that an editor, a power cut or a web page puts into a document does not affect the SSH
// keys in it, and is reported with place and cause.
func TestTheRestHolds(t *testing.T) {
	doc := "version: 1\nhostname: kiosk-3\nssh_authorized_keys:\n  - " + key + "\nntp:\n  servers: [a.example.org]\n"
	const nul = "a NUL byte: damaged, not a text, or in another encoding than UTF-8"
	for name, c := range map[string][2]string{
		"zeros of a power cut":     {doc + strings.Repeat("\x00", 3000), "7:1: 3000 NUL bytes at the end of the file: what stood there is lost; the rest is read\n"},
		"a zero in it":             {strings.Replace(doc, "a.ex", "a\x00ex", 1), "6:14: " + nul},
		"an empty document before": {"# mine\n---\n# nothing\n---\n" + doc, ""},
		"and one behind":           {"---\n" + doc + "---\n...\n", ""},
		"YAML 1.2":                 {"%YAML 1.2\n---\n" + doc, ""},
		"half a character":         {string(inUTF16(littleEndian, "\uFEFF"+doc)) + "\n", ""},
		"a tab":                    {strings.Replace(doc, "  - ", "\t- ", 1), "4:1: not valid YAML: a tab; indent with spaces; read as if spaces stood there\n"},
		"a no-break space":         {strings.Replace(doc, "  - ", "\u00a0 - ", 1), "4:1: not valid YAML: an invisible character, U+00A0; indent with spaces; read as if spaces stood there\n"},
	} {
		c0, got := problems(t, c[0], "")
		if c0.Hostname != "kiosk-3" || !slices.Equal(c0.SSHAuthorizedKeys, []string{key}) {
			t.Errorf("%s: hostname %q, keys %q", name, c0.Hostname, c0.SSHAuthorizedKeys)
		}
		if got != c[1] && !(c[1] != "" && strings.HasPrefix(got, c[1])) {
			t.Errorf("%s: %q; want %q", name, got, c[1])
		}
	}
}

// TestMergeKeys: keys merged by << are used unless a nearer one exists; it may merge several mappings, also nested.
func TestMergeKeys(t *testing.T) {
	c, got := problems(t, "network:\n  interfaces:\n    eth0: &a {mtu: 1400, dhcp: no}\n    eth1: &b {<<: *a, mtu: 1300}\n    eth2: {<<: [*b, *a], dhcp: on}\n"+
		"k3s:\n  labels: &l {site: quay}\n  enabled: off\n", "")
	on, off := true, false
	want := map[string]Interface{"eth0": {MTU: 1400, DHCP: &off}, "eth1": {MTU: 1300, DHCP: &off}, "eth2": {MTU: 1300, DHCP: &on}}
	if d := cmp.Diff(want, c.Network.Interfaces); d != "" || got != "" || c.K3s.Enabled {
		t.Errorf("%s%s", got, d)
	}
	for _, bad := range []string{"network: &n {<<: *n, dns: [10.0.0.1]}\n", "network: {<<: 5}\n", "network: {<<: [5]}\n", "k3s: {labels: {<<: {a: b}, <<: {c: d}}}\n"} {
		problems(t, bad, "") // it terminates
	}
}

// TestContentIsLookedAt: what cannot be decoded at the next boot is a problem now.
func TestContentIsLookedAt(t *testing.T) {
	for _, c := range [][3]string{{"@@@", "b64", "content is not base64"}, {"_-8=", "base64", "content is not base64"}, {"abc", "gzip", "content is not gzip"},
		{"YWJj", "gz+b64", "content is not gzip"}, {"YQ==", "b64", ""}, {"@@@", "\"\"", ""}} {
		_, got := problems(t, "write_files: [{path: /etc/x, content: \""+c[0]+"\", encoding: "+c[1]+"}]\n", "")
		if (got == "") != (c[2] == "") || !strings.Contains(got, c[2]) {
			t.Errorf("%s: %q", c, got)
		}
	}
}

// TestTwoSpellings: of one setting that stands twice one would win by chance.
func TestTwoSpellings(t *testing.T) {
	_, got := problems(t, "sysctls: {vm.swappiness: 1, vm/swappiness: 2}\n", "")
	c, ok := problems(t, "sysctls: {net/ipv4/ip_forward: 1, net/ipv4/conf/eth0.5/rp_filter: 2}\n", "")
	if !strings.Contains(got, "duplicate key") || ok != "" || c.Sysctls["net.ipv4.ip_forward"] != "1" || c.Sysctls["net/ipv4/conf/eth0.5/rp_filter"] != "2" {
		t.Errorf("%q, %q, %v", got, ok, c.Sysctls)
	}
}

// TestKeysOfABrokenList: of a list of keys that is not valid YAML the lines that are keys count.
func TestKeysOfABrokenList(t *testing.T) {
	for name, doc := range map[string]string{
		"no dashes":     "ssh_authorized_keys:\n" + key + "\n" + key + "2\nhostname: a\n",
		"a stray quote": "ssh_authorized_keys:\n  - \"" + key + "\n  - oops: [\nhostname: a\n",
	} {
		c, said := problems(t, doc, "")
		if len(c.SSHAuthorizedKeys) == 0 || c.SSHAuthorizedKeys[0] != key || c.Hostname != "a" || said == "" {
			t.Errorf("%s: %d keys, hostname %q, said %q", name, len(c.SSHAuthorizedKeys), c.Hostname, said)
		}
	}
}

// TestAccountsKeepTheirKeys: one wrong key of an account costs nothing else of it; without a name there is no account.
func TestAccountsKeepTheirKeys(t *testing.T) {
	c, said := problems(t, "users:\n  - {name: ada, shell: sh, sudo: all, ssh_authorized_keys: ["+key+"]}\n  - {name: 'A b', ssh_authorized_keys: ["+key+"]}\n", "")
	if len(c.Users) != 1 || c.Users[0].Name != "ada" || len(c.Users[0].SSHAuthorizedKeys) != 1 || c.Users[0].Shell != "" || strings.Count(said, "\n") != 3 {
		t.Errorf("%+v\n%s", c.Users, said)
	}
}
