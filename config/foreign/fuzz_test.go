package foreign_test

import (
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/decode"
	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/k3sargs"
	"github.com/proa-os/proa/config/foreign/metadata"
	"github.com/proa-os/proa/config/foreign/paths"
	"github.com/proa-os/proa/config/foreign/wpa"
)

// fileNames are the names by which files are known.
var fileNames = []string{"config.yaml", "user-data", "vendor-data", "meta-data", "meta_data.json", "user_data", "network-config", "firstrun.sh", "custom.toml", "userconf.txt", "ssh", "wpa_supplicant.conf"}

// seeds are documents of each format, some of them wrong.
var seeds = []string{
	"version: 1\nhostname: a\nk3s: {args: [--v=1], labels: {a: b}}\nusers: [{name: ada}]\n",
	"#cloud-config\nhostname: a\nusers: [default, {name: ada, sudo: x}]\nruncmd: [[a, b], c]\nwrite_files: [{path: /a, content: b, encoding: gz+b64}]\n",
	"hostname: a\nk3os:\n  modules: [a]\n  k3s_args: [server, --node-label, a=b]\n  wifi: [{name: a, passphrase: bbbbbbbb}]\n  environment: {A: b}\n",
	"network: {version: 2, ethernets: {a: {dhcp4: yes, match: {macaddress: '02:00:00:00:00:01'}}}, vlans: {b: {id: 1, link: a}}}\n",
	"version: 1\nconfig: [{type: physical, name: a, subnets: [{type: static, address: 10.0.0.2/24, gateway: 10.0.0.1}]}]\n",
	"#cloud-config\nstages: {boot: [{name: a, if: '[ -e /x ]', commands: [a], files: [{path: /a, content: b}]}]}\n",
	"write-kubeconfig-mode: 0644\nnode-label: [a=b]\ntls-san: a\n",
	"instance-id: i-1\nlocal-hostname: a\npublic-keys: {0: {openssh-key: x}}\n",
	"## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}\n",
	"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/cloud-config\n\nhostname: a\n--x--\n",
	"#cloud-config-archive\n- {type: text/cloud-config, content: \"hostname: a\\n\"}\n- '#!/bin/sh'\n",
	"[system]\nhostname = \"a\"\n[wlan]\nssid = \"b\"\n", "country=DE\nnetwork={\nssid=\"a\"\npsk=\"bbbbbbbb\"\n}\n",
	"a: &a {<<: *a}\n", "&a [*a]\n", "x: !!binary AA==\n", "hostname: \"a\nusers: [\n", "\xff\xfeh\x00", "hostname: a\n\x00\x00",
}

// checked loads sources and checks what holds for whatever they say.
func checked(t *testing.T, sources ...config.Source) *config.Config {
	t.Helper()
	l := config.Load(sources...)
	if len(l.Problems) > decode.MaxProblems+1+100 { // conflicts between values are reported on their own
		t.Errorf("%d problems", len(l.Problems))
	}
	if _, err := config.Show(l.Config); err != nil {
		t.Error(err)
	}
	for _, p := range l.Problems {
		if p.Line < 1 || p.Column < 1 || strings.ContainsAny(p.Message, "\x00\n\x1b") {
			t.Errorf("%q at %d:%d", p.Message, p.Line, p.Column)
		}
	}
	return l.Config
}

// FuzzFile: a file of any name with any content neither stops the loader nor makes it write control characters to the console.
func FuzzFile(f *testing.F) {
	for i := range fileNames {
		for _, text := range seeds {
			f.Add(i, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, i int, text []byte) {
		name := fileNames[uint(i)%uint(len(fileNames))]
		checked(t, config.Document(name, text))
		metadata.Instance(name, text)
	})
}

// FuzzMerge: a source read twice says what it says once, and the last source that sets a scalar sets it.
func FuzzMerge(f *testing.F) {
	for i, a := range seeds {
		f.Add([]byte(a), []byte(seeds[(i+1)%len(seeds)]), "hostname=b k3s.labels[a]=c")
	}
	f.Fuzz(func(t *testing.T, a, b []byte, line string) {
		first, second := config.Document("a.yaml", a), config.Document("b.yaml", b)
		once := checked(t, first)
		if twice := checked(t, first, first); !reflect.DeepEqual(once, twice) {
			t.Errorf("read twice: %+v\nonce: %+v", twice, once)
		}
		both, last := checked(t, first, second), checked(t, second)
		if last.Hostname != "" && both.Hostname != last.Hostname || last.Timezone != "" && both.Timezone != last.Timezone {
			t.Errorf("%q, %q; the last source says %q, %q", both.Hostname, both.Timezone, last.Hostname, last.Timezone)
		}
		checked(t, first, config.CommandLine(line), second, config.CommandLine(line))
	})
}

// FuzzCommandLine: the kernel's command line, which a boot loader or its user may have written.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{`k3s.labels[a]=b k3s[=] . "`, "users[0].name=a users[0].groups=b users[1].name=c", "network.interfaces[eth0].routes[0].to=10.0.0.0/8", "k3s.=1 [x]=2", "users[9999999999].name=a", "k3os.hostname=a", `"ssh_authorized_keys=x y"`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) { checked(t, config.CommandLine(line)) })
}

// FuzzShell: commands, K3s' flags, wpa_supplicant's networks and files at well-known paths are read from texts that
// are meant for other programs.
func FuzzShell(f *testing.F) {
	for _, text := range []string{"curl -sfL https://get.k3s.io | INSTALL_K3S_EXEC='server --disable traefik' sh -s - --tls-san \"a b\"", "modprobe a b=c && sysctl -w x=y", "shutdown -r +5", "sh -c 'a; b' | c\\\n d", "network={\nssid=P\"a\\x\"\n}",
		"server\n--node-label\na=b\n--\n-v=3", "Environment=\"a=b\""} {
		for i := range 6 {
			f.Add(i, text)
		}
	}
	known := []string{"/etc/rancher/k3s/config.yaml", "/etc/rancher/k3s/registries.yaml", "/etc/sysctl.d/a.conf", "/etc/modules-load.d/a.conf", "/etc/hostname", "/etc/ssh/sshd_config"}
	f.Fuzz(func(t *testing.T, i int, text string) {
		d, at := draft.New(), &yaml.Node{Kind: yaml.ScalarNode, Line: 1, Column: 1}
		command.Script(d, at, text)
		command.InstallsK3s(d, at, text)
		command.LoadsModule(d, at, text)
		command.Restart(text)
		var args []*yaml.Node
		for _, line := range strings.Split(text, "\n") {
			args = append(args, draft.Text(at, line))
		}
		k3sargs.Add(d, args)
		wpa.Read(d, strings.Split(text, "\n"), func(int) *yaml.Node { return at })
		paths.File(d, known[uint(i)%uint(len(known))], []byte(text), at)
		out, err := yaml.Marshal(d.Root)
		if err != nil {
			return // bytes that are no text
		}
		checked(t, config.Document("drafted", out))
	})
}
