package config

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// TestWhiteSpace: white space at the ends of a value from a block scalar, a copied line or an editor is removed.
func TestWhiteSpace(t *testing.T) {
	c, got := problems(t, "hostname: |\n  kiosk-3\n"+
		"ssh_authorized_keys:\n  - |\n    "+key+"\n  - >-\n    ssh-ed25519\n    "+strings.Fields(key)[1]+"\n  - |\n    ssh-ed25519\n    "+strings.Fields(key)[1]+" two@example.org\n"+
		"  - \"\uFEFFcommand=\\\"a  b\\\"\u00a0"+key+"\\r\"\n"+
		"modules: [\"wireguard\u00a0\", \"dummy numdummies=2\\r\\n\"]\n"+
		"sysctls: {\"vm.swappiness \": \"10\\n\"}\n"+
		"network:\n  wifi: [{name: \"Harbour \\n\", passphrase: \" fair winds\\r\\n\"}]\n  dns: [\"192.168.1.1\u200b\"]\n  interfaces:\n    \"52:54:00:12:34:5A\\t\": {addresses: [\"10.0.0.2/24 \"]}\n"+
		"k3s:\n  token: |\n    abc::server:def\n  server_url: \"https://10.0.0.1:6443\u2060\"\n  labels: {\"site\u00a0\": \"harbour\\n\"}\n  taints: [\"gpu=true:NoSchedule\\n\"]\n  args: [\"--v=1\\r\"]\n"+
		"write_files: [{path: \"/etc/motd\\n\", content: \" as it is \\n\", permissions: \"0600\u00a0\"}]\n", "")
	if got != "" {
		t.Fatal(got)
	}
	want := Default()
	want.Hostname, want.Modules, want.Sysctls = "kiosk-3", []string{"wireguard", "dummy numdummies=2"}, map[string]string{"vm.swappiness": "10"}
	bare := strings.Join(strings.Fields(key)[:2], " ")
	want.SSHAuthorizedKeys = []string{key, bare, bare + " two@example.org", `command="a  b" ` + key}
	want.Network = Network{WiFi: []WiFi{{Name: "Harbour ", Passphrase: " fair winds"}}, DNS: []string{"192.168.1.1"},
		Interfaces: map[string]Interface{"52:54:00:12:34:5a": {Addresses: []string{"10.0.0.2/24"}}}}
	want.K3s = K3s{Enabled: true, Token: "abc::server:def", ServerURL: "https://10.0.0.1:6443", Labels: map[string]string{"site": "harbour"},
		Taints: []string{"gpu=true:NoSchedule"}, Args: []string{"--v=1"}}
	want.WriteFiles = []File{{Path: "/etc/motd", Content: " as it is \n", Owner: "root:root", Permissions: "0600"}}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// TestUnseen: invisible errors are reported.
func TestUnseen(t *testing.T) {
	body := strings.Fields(key)[1]
	for _, c := range []struct{ doc, want string }{
		{"hostname: \"kio\u200bsk\"\n", "it contains an invisible character, U+200B"},
		{"k3s: {token: \"a\\nb\"}\n", "it contains a line break"},
		{"ssh_authorized_keys:\n  - |\n    ssh-ed25519 " + body[:40] + "\n    " + body[40:] + "\n", "contains a line break or another character"},
		{"ssh_authorized_keys:\n  - >\n    " + key + "\n    " + key + "\n", "one public key per entry"},
		{"ssh_authorized_keys:\n  - |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    " + body + "\n", "this is a private key"},
		{"ssh_authorized_keys: [\"ssh-dss AAAAB3NzaC1kc3MAAACB\"]\n", "want a public key"},
	} {
		if _, got := problems(t, c.doc, ""); strings.Count(got, "\n") != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%q: %q", c.doc, got)
		}
	}
}

var littleEndian = binary.LittleEndian

func inUTF16(order binary.AppendByteOrder, text string) (out []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

// TestEncodings: whatever an editor saves is read, or reported with line and what to do.
func TestEncodings(t *testing.T) {
	doc := "hostname: kiosk-3\nnetwork:\n  wifi:\n    - name: Kötel\n"
	for name, text := range map[string]string{
		"UTF-8 with a mark": "\uFEFF" + doc, "Windows": strings.ReplaceAll(doc, "\n", "\r\n"), "old Mac": strings.ReplaceAll(doc, "\n", "\r"),
		"UTF-16 LE with a mark": string(inUTF16(binary.LittleEndian, "\uFEFF"+doc)), "UTF-16 BE with a mark": string(inUTF16(binary.BigEndian, "\uFEFF"+doc)),
		"UTF-16 LE": string(inUTF16(binary.LittleEndian, doc)), "UTF-16 BE": string(inUTF16(binary.BigEndian, doc)), "a mark in the middle": "version: 1\n\uFEFF" + doc,
	} {
		c, got := problems(t, text, "")
		if got != "" || c.Hostname != "kiosk-3" || len(c.Network.WiFi) != 1 || c.Network.WiFi[0].Name != "Kötel" {
			t.Errorf("%s: %q, %+v", name, got, c.Network)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"Latin-1", strings.ReplaceAll(doc, "ö", "\xf6"), "4:14: not UTF-8 from here on; save the file as UTF-8; network is left out\n"},
		{"control character", "hostname: kiosk-3\nk3s:\n  token: a\x1bb\n", "3:11: a control character, U+001B; remove it; k3s is left out\n"},
		{"tab", "hostname: kiosk-3\nk3s:\n\trole: agent\n", "3:1: not valid YAML: a tab; indent with spaces; read as if spaces stood there\n"},
		{"tab behind spaces", "hostname: kiosk-3\nk3s:\n  enabled: true\n \trole: agent\n", "4:2: not valid YAML: a tab; indent with spaces; k3s is left out\n"},
		{"no-break spaces", "hostname: kiosk-3\nk3s:\n\u00a0\u00a0role: agent\n", "it contains an invisible character, U+00A0"},
		{"anchor", "hostname: kiosk-3\nk3s:\n  role: agent\n  token: *hunter2\n", "4:1: not valid YAML: a value that begins with * needs quotes; k3s is left out\n"},
		{"quote", "hostname: kiosk-3\nk3s:\n  token: \"a\n", "not valid YAML: a quote is opened and never closed; k3s is left out\n"},
		{"colons", "hostname: kiosk-3\nk3s:\n  token: a: b\n", "not valid YAML: two colons in one line"},
	} {
		conf, got := problems(t, c.text, "")
		if !strings.Contains(got, c.want) || conf.Hostname != "kiosk-3" {
			t.Errorf("%s: %q, host name %q", c.name, got, conf.Hostname)
		}
	}
}

// TestLabels: a label or taint for which the API server would refuse the node is ignored; the others are used.
func TestLabels(t *testing.T) {
	c, got := problems(t, "k3s:\n  labels:\n    site: harbour\n    node-role.kubernetes.io/worker: \"true\"\n    place: my harbour\n    -bad: x\n    node.kubernetes.io/x: y\n    topology.kubernetes.io/zone: z\n"+
		"    x.k8s.io/y: z\n    UPPER.example/a: b\n    empty:\n    example.org/: a\n  taints: [\"a=b:NoSchedule\", \"a:NoExecute\", \"a=c:NoSchedule\", \"-a=b:NoSchedule\", \"a=-:NoSchedule\", \"a=b:Never\"]\n", "")
	var places []string
	for _, l := range strings.Split(strings.TrimSpace(got), "\n") {
		places = append(places, strings.Join(strings.SplitN(l, ":", 3)[:2], ":"))
	}
	if want := []string{"4:5", "5:12", "6:5", "9:5", "10:5", "12:5", "13:45", "13:63", "13:82", "13:100"}; !slices.Equal(places, want) {
		t.Errorf("problems at %q, want %q\n%s", places, want, got)
	}
	if d := cmp.Diff(map[string]string{"site": "harbour", "node.kubernetes.io/x": "y", "topology.kubernetes.io/zone": "z", "empty": ""}, c.K3s.Labels); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a=b:NoSchedule", "a:NoExecute"}, c.K3s.Taints); d != "" {
		t.Error(d)
	}
	if !strings.Contains(got, "kubectl label node") {
		t.Errorf("no way out for a role:\n%s", got)
	}
}

// TestArgs: a flag that the runtime does not know, or would exit for, is ignored with a hint.
func TestArgs(t *testing.T) {
	for arg, want := range map[string]string{
		"--disable=local-storage": "", "--node-label=a=b,c=d": "", "--node-taint=a:NoSchedule": "", "--kubelet-arg=max-pods=20": "", "--disable-agent": "", "--disable-network-policy": "",
		"--node-ip=10.0.0.1": "", "--v=2": "", "--cluster-cidr=10.1.0.0/16": "", "--kube-apiserver-arg=--profiling=false": "", "--flannel-backend=host-gw": "",
		"--tls-sans=a": "did you mean --tls-san?", "--node_label=a=b": "did you mean --node-label?", "--zzz": "REFERENCE.md lists them", "--write-kubeconfig-group=adm": "one of K3s: root alone", "--write-kubeconfig-mode=0644": "",
		"--config=/a": "would come too late", "--node-label=node-role.kubernetes.io/worker=true": "kubectl label node", "--node-label=a": "KEY=VALUE", "--node-taint=a=b:c": "EFFECT is",
		"--kubelet-arg=max pods": "FLAG=VALUE", "--node-ip=here": "an address of the node that others reach", "--https-listen-port=0": "a port", "--cluster-cidr=10.1.0.0": "prefix length",
		"--flannel-backend=wireguard": "vxlan, host-gw or none", "--v=much": "a whole number", "--tls-san": "--tls-san=NAME", "--disable-agent=maybe": "true or false", "--node-name=Upper": "lower-case",
		"disable=a": "a flag such as", "--disable=coredns,traefik": "", "--disable=coredns,local-path": "coredns or local-storage or upgrades, for --disable", "--token=": "a value after =",
	} {
		got := judged("flag", arg)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", arg, got, want)
		}
	}
}

// TestMost: the entries of a list that nobody would use are reported, and the others are used.
func TestMost(t *testing.T) {
	c, got := problems(t, "network: {dns: [10.0.0.1, 10.0.0.2, bad, 10.0.0.3, 10.0.0.4, 10.0.0.5]}\n", "")
	if !strings.Contains(got, "1:16: dns: at most 3 entries are used; the last 2 are left out\n") {
		t.Errorf("reported: %q", got)
	}
	if want := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}; !slices.Equal(c.Network.DNS, want) {
		t.Errorf("dns: %q, want %q", c.Network.DNS, want)
	}
}

// TestDefaultsOfOptionalSections: a section that is not there by itself has the defaults of its keys once it is.
func TestDefaultsOfOptionalSections(t *testing.T) {
	c, got := problems(t, "phone_home: {url: \"https://example.org/up\"}\nnetwork: {interfaces: {b: {bond: {members: [eth0]}}}}\n", "")
	if bond := c.Network.Interfaces["b"].Bond; got != "" || c.PhoneHome.Tries != 10 || bond.Mode != "active-backup" || bond.MIIMonitor != 100 {
		t.Errorf("%s%+v %+v", got, c.PhoneHome, c.Network.Interfaces["b"].Bond)
	}
}
