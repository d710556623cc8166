package kairos_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/foreigntest"
	"github.com/proa-os/proa/config/foreign/kairos"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP one@example.org"

func load(text string) (c *config.Config, errors, notes string) {
	return foreigntest.Load("config.yaml", text, kairos.Translate)
}

// TestTranslate compares what a document gives with what is wanted, and the words of its notes.
func TestTranslate(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want func(*config.Config) any
		is   any
		note string
	}{
		"users":    {"users:\n- {name: ada, passwd: pw, groups: [admin], ssh_authorized_keys: [" + key + "]}\n- {name: bob, passwd: x, lock_passwd: true}\n", func(c *config.Config) any { return c.Users }, []config.User{{Name: "ada", Groups: []string{"admin"}, Admin: true, Password: "pw", SSHAuthorizedKeys: []string{key}}, {Name: "bob"}}, "locked"},
		"template": {"hostname: node-{{ trunc 4 .MachineID }}\n", func(c *config.Config) any { return c.Hostname }, "", "default name"},
		"server": {"k3s:\n  enabled: true\n  args: [--disable=traefik, --node-label a=b, --tls-san, 10.0.0.1, --cluster-init]\n  env: {K3S_TOKEN: t, HTTP_PROXY: 'http://10.0.0.1:1', K3S_RESOLV_CONF: /x}\n",
			func(c *config.Config) any { return []any{c.K3s.Enabled, c.K3s.Token, c.K3s.Args, c.Environment} },
			[]any{true, "t", []string{"--disable=traefik", "--node-label=a=b", "--tls-san=10.0.0.1"}, map[string]string{"HTTP_PROXY": "http://10.0.0.1:1"}}, "one server"},
		"agent":  {"k3s-agent:\n  enabled: true\n  env: {K3S_TOKEN: t, K3S_URL: 'https://10.0.0.1:6443'}\n", func(c *config.Config) any { return []string{c.K3s.Role, c.K3s.Token, c.K3s.ServerURL} }, []string{"agent", "t", "https://10.0.0.1:6443"}, ""},
		"second": {"k3s:\n  enabled: true\n  args: [--server https://10.0.0.1:6443]\n", func(c *config.Config) any { return []string{c.K3s.Role, c.K3s.ServerURL} }, []string{"", "https://10.0.0.1:6443"}, "as an agent"},
		"off":    {"k3s: {enabled: false}\n", func(c *config.Config) any { return c.K3s.Enabled }, false, ""},
		"named":  {"install: {device: auto}\np2p: {network_token: x}\nbundles: [{targets: [x]}]\nmetallb: {version: 1}\nname: x\n", func(c *config.Config) any { return c.K3s.Args == nil }, true, "manifests"},
		"cloud":  {"write_files:\n- {path: /etc/motd, content: hi, permissions: '0600'}\nruncmd: [uptime]\ntimezone: UTC\n", func(c *config.Config) any { return []any{c.WriteFiles[0].Permissions, len(c.FirstRunCmd), c.Timezone} }, []any{"0600", 1, "UTC"}, ""},
		"stages": {"stages:\n  initramfs:\n  - name: a\n    users: {ada: {passwd: pw, groups: [admin]}}\n    authorized_keys: {root: [" + key + "], ada: [" + key + "]}\n    hostname: box\n    sysctl: {vm.swappiness: 10}\n    modules: [wireguard]\n    environment: {A: b}\n    dns: {nameservers: [10.0.0.1], search: [lan]}\n    timesyncd: {NTP: a.example.org b.example.org}\n    systemd_firstboot: {timezone: UTC}\n    systemctl: {enable: [x]}\n" +
			"  network.after:\n  - commands: [uptime, ls /]\n  after-install:\n  - commands: [reboot]\n",
			func(c *config.Config) any {
				return []any{c.Users, len(c.SSHAuthorizedKeys), c.Hostname, c.Sysctls, c.Modules, c.Environment, c.Network.DNS, c.Network.Search, c.NTP.Servers, c.Timezone, c.BootCmd, c.RunCmd}
			},
			[]any{[]config.User{{Name: "ada", Groups: []string{"admin"}, Admin: true, Password: "pw", SSHAuthorizedKeys: []string{key}}}, 1, "box", map[string]string{"vm.swappiness": "10"}, []string{"wireguard"}, map[string]string{"A": "b"},
				[]string{"10.0.0.1"}, []string{"lan"}, []string{"a.example.org", "b.example.org"}, "UTC", []string(nil), []string{"uptime", "ls /"}}, "there is no systemd"},
		"files": {"stages:\n  boot:\n  - files:\n    - {path: /etc/a, content: x, permissions: 0600, owner: 0, group: 5}\n    - {path: /etc/b, content: eA==, encoding: base64, ownerstring: 'ada:users'}\n    - {path: /etc/sysctl.d/a.conf, content: vm.swappiness=1}\n",
			func(c *config.Config) any { return []any{c.WriteFiles, c.Sysctls["vm.swappiness"]} },
			[]any{[]config.File{{Path: "/etc/a", Content: "x", Owner: "0:5", Permissions: "0600"}, {Path: "/etc/b", Content: "eA==", Encoding: "base64", Owner: "ada:users", Permissions: "0644"}}, "1"}, ""},
		"other system": {"stages:\n  boot:\n  - {only_os: ubuntu.*, commands: [false]}\n", func(c *config.Config) any { return len(c.BootCmd) }, 0, "another system"},
		"downloads":    {"stages:\n  network:\n  - {downloads: [{path: /x, url: 'http://example.org'}]}\n", func(c *config.Config) any { return len(c.RunCmd) }, 0, "wget"},
	} {
		t.Run(name, func(t *testing.T) {
			got, errors, notes := load("#cloud-config\n" + c.text)
			if v := c.want(got); errors != "" || !reflect.DeepEqual(v, c.is) {
				t.Errorf("got %+v\nwant %+v\n%s", v, c.is, errors)
			}
			if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// TestConditions: sh itself judges a command with a condition, and directories.
func TestConditions(t *testing.T) {
	dir := t.TempDir()
	c, errors, _ := load("stages:\n  boot:\n  - if: '[ -d / ]'\n    commands: ['echo yes']\n  - if: '[ -e /none ]'\n    commands: ['echo no']\n  - directories: [{path: '" + dir + "/a b', permissions: 0700}]\n")
	if len(c.BootCmd) != 3 {
		t.Fatalf("%q %s", c.BootCmd, errors)
	}
	out, err := exec.Command("/bin/sh", "-c", strings.Join(c.BootCmd, "\n")+"\nstat -c %a '"+dir+"/a b'").Output()
	if string(out) != "yes\n700\n" || err != nil {
		t.Errorf("%q %v", out, err)
	}
}

func TestRefused(t *testing.T) {
	_, errors, _ := load("k3s: [a]\nstages: [b]\nusers: [{passwd: x}]\nk3s-agent: {enabled: maybe}\n")
	for _, want := range []string{"k3s: want key", "stages: want key", "without a name", "true or false"} {
		if !strings.Contains(errors, want) {
			t.Errorf("%q lacks %q", errors, want)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{"stages: &a {boot: [*a]}\n", "stages: {boot: {files: [1, [], {}]}, network: [{dns: 1, users: [], sysctl: {a: []}}]}\n", "k3s: {env: [], args: {a: b}}\n", "users: {a: b}\n", "- a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) { load(text) })
}

// TestConfigURL: the address of more configuration is one of the schema.
func TestConfigURL(t *testing.T) {
	c, problems := config.Parse("a.yaml", []byte("#cloud-config\nconfig_url: https://example.org/a.yaml\nk3s: {enabled: true}\n"))
	if c.Remote.URL != "https://example.org/a.yaml" || len(problems) > 0 {
		t.Errorf("%q, %v", c.Remote.URL, problems)
	}
}
