package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/config/rule"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"

func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob("testdata/v1/*.yaml")
	if len(files) < 5 {
		t.Fatalf("the corpus is gone: %v", files)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := Parse(f, text)
		for _, p := range problems {
			t.Error(p)
		}
	}
}

// judged returns what a rule says about a value.
func judged(word, value string) string {
	r, _ := rule.Of(word)
	return r.Judge(value)
}

// loaded reads a document and the kernel command line.
func loaded(doc, cmdline string) (*Config, []Problem) {
	l := Load(Document("c.yaml", []byte(doc)), CommandLine(cmdline))
	return l.Config, l.Problems
}

// problems returns what Load reports, one per line without the file.
func problems(t *testing.T, doc, cmdline string) (*Config, string) {
	t.Helper()
	c, list := loaded(doc, cmdline)
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintln(&b, strings.TrimPrefix(p.String(), "c.yaml:"))
	}
	return c, b.String()
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"unknown key", "hostnam: a\nk3s:\n  rol: agent\n", "1:1: unknown key \"hostnam\"; did you mean \"hostname\"?\n3:3: unknown key \"rol\"; did you mean \"role\"?\n"},
		{"nothing near", "zzzzzz: 1\n", "1:1: unknown key; known here: boot_cmd, ca_certs, config, data_sources, environment, final_message, first_run_cmd, health, hostname, install, k3s, modules, mounts, network, ntp, phone_home, power, run_cmd, ssh, ssh_authorized_keys, swap, sysctls, timezone, upgrade, users, version, write_files\n"},
		{"list for a string", "hostname: [a]\n", "1:11: hostname: want a string, found a list\n"},
		{"string for a list", "modules: wireguard\n", "1:10: modules: want a list, found a string\n"},
		{"string for a bool", "k3s: {enabled: \"yes\"}\n", "1:16: enabled: want true or false, found a string\n"},
		{"string for a number", "network: {interfaces: {eth0: {mtu: big}}}\n", "1:36: mtu: want a whole number, found a string\n"},
		{"scalar for keys", "network: dhcp\n", "1:10: network: want key: value pairs, found a string\n"},
		{"not one of", "k3s:\n  role: serv\n", "2:9: role: want one of server, agent; did you mean \"server\"?\n"},
		{"new version", "version: 2\n", "1:10: version: want 1\n"},
		{"twice", "hostname: a\nhostname: b\n", "2:1: duplicate key \"hostname\", first in line 1\n"},
		{"missing", "write_files:\n  - content: x\n", "2:5: write_files[0]: \"path\" is missing\n"},
		{"bad address", "network:\n  interfaces:\n    eth0:\n      addresses: [10.0.0.1]\n      gateway: here\n",
			"4:19: addresses[0]: want an address of one machine with prefix length, such as 192.168.1.20/24\n5:16: gateway: want an IP address of one machine, without a zone such as %eth0\n"},
		{"bad key", "ssh_authorized_keys: [\"ssh-ed25519 AAAA\"]\n", "1:23: ssh_authorized_keys[0]: want " + judged("sshkey", "ssh-ed25519 AAAA") + "\n"},
		{"too short", "health: {deadline: 59s}\n", "1:20: deadline: want a duration from 1m to 24h, such as 15m\n"},
		{"too long", "health: {deadline: 25h}\n", "1:20: deadline: want a duration from 1m to 24h, such as 15m\n"},
		{"a check of nothing", "health: {checks: [{name: a}]}\n", "1:19: checks[0]: want exactly one of http, tcp, command and workload\n"},
		{"a check of two things", "health: {checks: [{name: a, tcp: 'b:1', command: x}]}\n", "1:19: checks[0]: want exactly one of http, tcp, command and workload\n"},
		{"a check without a name", "health: {checks: [{tcp: 'b:1'}]}\n", "1:19: checks[0]: \"name\" is missing\n"},
		{"a status of no server", "health: {checks: [{name: a, tcp: 'b:1', status: 204}]}\n", "1:19: checks[0]: status is for http only\n"},
		{"a redirection", "health: {checks: [{name: a, http: 'http://b/', status: 301}]}\n", "1:56: status: want 0, or an HTTP status from 200 to 299 or from 400 to 599; redirections are followed\n"},
		{"a check of a pod", "health: {checks: [{name: a, workload: a/Pod/b}]}\n", "1:39: workload: want NAMESPACE/KIND/NAME, where KIND is Deployment, DaemonSet, StatefulSet\n1:19: checks[0]: want exactly one of http, tcp, command and workload\n"},
		{"a port too far", "health: {checks: [{name: a, tcp: 'b:65536'}]}\n", "1:34: tcp: want HOST:PORT, an IPv6 address in brackets\n1:19: checks[0]: want exactly one of http, tcp, command and workload\n"},
		{"a check that no slot can pass", "health: {deadline: 5m, checks: [{name: a, tcp: '[::1]:80', for: 5m}]}\n", "1:32: health.checks[0].for: 5m0s is not less than 5m0s (health.deadline): every upgrade would fail\n"},
		{"no unit", "health: {deadline: 15}\n", "1:20: deadline: want a duration from 1m to 24h, such as 15m\n"},
		{"no network's name", "network: {wifi: [{passphrase: hunter22}]}\n", "1:18: wifi[0]: \"name\" is missing\n"},
		{"empty name", "network: {wifi: [{name: ''}]}\n", "1:25: name: want " + judged("ssid", "") + "\n"},
		{"long name", "network: {wifi: [{name: ääääääääääääääääa}]}\n", "1:25: name: want " + judged("ssid", "") + "\n"},
		{"short passphrase", "network: {wifi: [{name: a, passphrase: hunter2}]}\n", "1:40: passphrase: want " + judged("passphrase", "\x00") + "\n"},
		{"long passphrase", "network: {wifi: [{name: a, passphrase: " + strings.Repeat("g", 64) + "}]}\n", "1:40: passphrase: want " + judged("passphrase", "\x00") + "\n"},
		{"passphrase not in ASCII", "network: {wifi: [{name: a, passphrase: fährmann}]}\n", "1:40: passphrase: want " + judged("passphrase", "\x00") + "\n"},
		{"country in small", "network: {wifi_country: de}\n", "1:25: wifi_country: want " + judged("country", "\x00") + "\n"},
		{"two documents", "hostname: a\n---\nhostname: b\n", "3:1: a second document; only one is read\n"},
		{"a list", "- a\n", "1:1: want key: value pairs, found a list\n"},
		{"NUL", "a\x00b", "1:2: a NUL byte: damaged, not a text, or in another encoding than UTF-8; save the file as UTF-8\n"},
	} {
		if _, got := problems(t, c.doc, ""); got != c.want {
			t.Errorf("%s: %s", c.name, cmp.Diff(c.want, got))
		}
	}
}

// TestChecks: defaults of a check, and the spelling of a kind.
func TestChecks(t *testing.T) {
	c, got := problems(t, "health: {checks: [{name: till, workload: shop/daemonset/till}, {name: web, http: 'http://127.0.0.1/', status: 404, for: 1m}]}\n", "")
	want := []Check{{Name: "till", Workload: "shop/DaemonSet/till", Timeout: "10s", Interval: "10s", For: "0s"},
		{Name: "web", HTTP: "http://127.0.0.1/", Status: 404, Timeout: "10s", Interval: "10s", For: "1m"}}
	if d := cmp.Diff(want, c.Health.Checks); d != "" || got != "" {
		t.Error(d, got)
	}
}

// TestSoundPartsHold: an error affects only the value that has it.
func TestSoundPartsHold(t *testing.T) {
	doc := "hostname: kiosk-3\nssh_authorized_keys:\n  - " + key + "\n  - nonsense\nk3s:\n  token: abc\n  role: 7\nnetwork: {interfaces: {eth0: {addresses: [10.0.0.2/24, x], gateway: 10.0.0.1}}}\nbogus: 1\n"
	c, _ := problems(t, doc, "")
	if c.Hostname != "kiosk-3" || len(c.SSHAuthorizedKeys) != 1 || c.K3s.Token != "abc" || c.K3s.Role != "" || !c.K3s.Enabled {
		t.Errorf("%+v", c)
	}
	if e := c.Network.Interfaces["eth0"]; e.Gateway != "10.0.0.1" || len(e.Addresses) != 1 {
		t.Errorf("eth0: %+v", e)
	}
}

// TestBrokenYAML: if the text is not valid YAML the keys around the error are read nevertheless.
func TestBrokenYAML(t *testing.T) {
	doc := "hostname: kiosk-3\nnetwork:\n  interfaces: {eth0: {dhcp: true\nssh_authorized_keys:\n  - " + key + "\nk3s:\n  rol: x\n"
	c, got := problems(t, doc, "")
	if c.Hostname != "kiosk-3" || len(c.SSHAuthorizedKeys) != 1 {
		t.Errorf("%+v", c)
	}
	lines := strings.Split(got, "\n")
	if !strings.Contains(lines[0], "not valid YAML") || lines[1] != `7:3: unknown key "rol"; did you mean "role"?` {
		t.Errorf("problems:\n%s", got)
	}
}

func TestCommandLine(t *testing.T) {
	line := `BOOT_IMAGE=/x console=ttyS0 hostname=edge-7 k3s.labels[region.example/dock]=north modules="dummy numdummies=2" k3s.args=--disable=traefik k3s.args=--tls-san=a sysctls[vm.swappiness]=10 k3s.enabled ` +
		`"ssh_authorized_keys=` + key + `" network.interfaces[eth0].addresses=10.0.0.2/24 quiet`
	c, got := problems(t, "hostname: from-file\nk3s: {args: [--v=1], enabled: false, labels: {a: b}}\n", line)
	if got != "" {
		t.Fatal(got)
	}
	want := Default()
	want.Hostname, want.SSHAuthorizedKeys, want.Sysctls = "edge-7", []string{key}, map[string]string{"vm.swappiness": "10"}
	want.K3s.Args, want.K3s.Labels = []string{"--disable=traefik", "--tls-san=a"}, map[string]string{"a": "b", "region.example/dock": "north"}
	want.Modules = []string{"dummy numdummies=2"}
	want.Network.Interfaces = map[string]Interface{"eth0": {Addresses: []string{"10.0.0.2/24"}}}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// TestCommandLineEntries: a list of sections is written entry by entry.
func TestCommandLineEntries(t *testing.T) {
	line := `network.wifi[0].name="Harbour Bar" network.wifi[0].passphrase=fair-winds network.wifi[1].name=Quay ` +
		`network.interfaces[eth0].routes[0].to=10.8.0.0/16 users[0].name=ada users[0].groups=video users[0].groups=audio`
	c, got := problems(t, "network: {wifi: [{name: old}]}\n", line)
	want := Default()
	want.Network.WiFi = []WiFi{{Name: "Harbour Bar", Passphrase: "fair-winds"}, {Name: "Quay"}}
	want.Network.Interfaces = map[string]Interface{"eth0": {Routes: []Route{{To: "10.8.0.0/16"}}}}
	want.Users = []User{{Name: "ada", Groups: []string{"video", "audio"}}}
	if d := cmp.Diff(want, c); d != "" || got != "" {
		t.Error(d, got)
	}
	for _, line := range []string{"users[1].name=a", "users[x].name=a", "users[0]=a", "users.name=a", "users[-1].name=a"} {
		if _, got := problems(t, "", line); !strings.Contains(got, "KEY[0].NAME=VALUE") {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestCommandLineProblems(t *testing.T) {
	_, got := problems(t, "", "quiet k3s.rol=agent hostname=Not_A_Name")
	want := "kernel command line:1:7: unknown key \"rol\"; did you mean \"role\"?\nkernel command line:1:21: hostname: want " + judged("hostname", "\x00") + "\n"
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
}

// TestSecrets: neither problems nor Show quote secrets.
func TestSecrets(t *testing.T) {
	doc := "network: {wifi: [{name: a, passphrase: hunter2}, {name: [hunter2]}, {name: a, passphrase: hunter22}]}\nk3s:\n  token: hunter2\n  args: [{a: hunter2}]\nwrite_files:\n  - {path: relative, content: hunter2}\n  - {path: /a, content: hunter2}\n"
	c, got := problems(t, doc, "")
	shown, err := Show(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got+string(shown), "hunter2") {
		t.Errorf("a secret was printed:\n%s\n%s", got, shown)
	}
	if !strings.Contains(string(shown), hidden) {
		t.Errorf("Show does not say that there is a secret:\n%s", shown)
	}
}

// TestWiFi: a network's name is not changed by YAML or by the decoder.
func TestWiFi(t *testing.T) {
	psk := strings.Repeat("0aF", 21) + "1"
	c, got := problems(t, "network:\n  wifi_country: NO\n  wifi:\n    - {name: 12345678, passphrase: 00012345678}\n    - {name: ' å ', passphrase: \"a\\\"b # cd\", hidden: true}\n    - {name: open}\n    - {name: key, passphrase: "+psk+"}\n", "")
	want := Network{WiFiCountry: "NO", WiFi: []WiFi{{Name: "12345678", Passphrase: "00012345678"}, {Name: " å ", Passphrase: `a"b # cd`, Hidden: true}, {Name: "open"}, {Name: "key", Passphrase: psk}}}
	if d := cmp.Diff(want, c.Network); d != "" || got != "" {
		t.Error(d, got)
	}
}

// TestTags parses every tag of the schema: a misspelt tag or rule would check nothing.
func TestTags(t *testing.T) {
	all := map[reflect.Type]bool{}
	structsOf(reflect.TypeFor[Config](), all)
	if !all[reflect.TypeFor[Config]()] || !all[reflect.TypeFor[Route]()] || !all[reflect.TypeFor[Health]()] {
		t.Fatalf("the schema was not walked: %v", all)
	}
	for typ := range all {
		for i := range typ.NumField() {
			checkTag(t, typ, typ.Field(i))
		}
	}
}

func checkTag(t *testing.T, typ reflect.Type, f reflect.StructField) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(\w+):"[^"]*"`).FindAllStringSubmatch(string(f.Tag), -1) {
		if !slices.Contains([]string{"yaml", "default", "enum", "check", "values", "example", "trim", "most", "partial", "secret", "own"}, m[1]) {
			t.Errorf("%s.%s: nobody reads the tag %q", typ, f.Name, m[1])
		}
	}
	for _, w := range strings.Split(f.Tag.Get("check")+","+f.Tag.Get("values"), ",") {
		if _, ok := rule.Of(w); !ok && w != "" && w != "required" && w != "quoted" {
			t.Errorf("%s.%s: no rule %q", typ, f.Name, w)
		}
	}
	d := f.Tag.Get("default")
	if _, err := strconv.Atoi(d); d != "" && f.Type.Kind() == reflect.Int && err != nil {
		t.Errorf("%s.%s: default %q", typ, f.Name, d)
	}
	if _, err := strconv.ParseBool(d); d != "" && f.Type.Kind() == reflect.Bool && err != nil {
		t.Errorf("%s.%s: default %q", typ, f.Name, d)
	}
	if enum := f.Tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), d) {
		t.Errorf("%s.%s: default %q is none of %q", typ, f.Name, d, enum)
	}
}

// structsOf adds the structs that a value of the type may contain.
func structsOf(typ reflect.Type, all map[reflect.Type]bool) {
	switch typ.Kind() {
	case reflect.Struct:
		all[typ] = true
		for i := range typ.NumField() {
			structsOf(typ.Field(i).Type, all)
		}
	case reflect.Slice, reflect.Map, reflect.Pointer:
		structsOf(typ.Elem(), all)
	}
}

// FuzzLoad: no content of the file makes PID 1 panic.
func FuzzLoad(f *testing.F) {
	f.Add("a: &x [*x]\n", "hostname")
	f.Add("k3s:\n  token: |\n    x\nnetwork: {interfaces: {eth0: {}}}\n", `k3s.labels[a]=b k3s[=] . "`)
	f.Add("a: &a {<<: *a}\n", "k3s.=1 [x]=2")
	f.Fuzz(func(t *testing.T, doc, line string) {
		c, _ := loaded(doc, line)
		if c == nil {
			t.Fatal("no config")
		}
		if _, err := Show(c); err != nil {
			t.Fatal(err)
		}
	})
}
