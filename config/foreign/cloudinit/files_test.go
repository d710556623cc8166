package cloudinit_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

func TestFiles(t *testing.T) {
	for name, c := range map[string]struct{ entry, content, mode, note string }{
		"plain":       {"path: /etc/motd, content: hi, permissions: '0600'", "hi", "0600", ""},
		"octal":       {"path: /etc/motd, content: hi, permissions: 0640", "hi", "0640", ""},
		"octal 1.2":   {"path: /etc/motd, content: hi, permissions: 0o640", "hi", "640", ""},
		"no zero":     {"path: /etc/motd, content: hi, permissions: 755", "hi", "0755", "taken for octal"},
		"decimal":     {"path: /etc/motd, content: hi, permissions: 420", "hi", "0644", "decimal"},
		"slip":        {"path: /etc/motd, content: hi, permission: '0600'", "hi", "0600", "read as permissions"},
		"base64":      {"path: /etc/motd, content: aGk=, encoding: B64", "hi", "0644", ""},
		"gzip":        {"path: /etc/motd, content: H4sIAAAAAAACA8vIBACsKpPYAgAAAA==, encoding: gzip+base64", "hi", "0644", ""},
		"binary":      {"path: /etc/motd, content: !!binary aGk=", "hi", "0644", ""},
		"binary gzip": {"path: /etc/motd, content: !!binary H4sIAAAAAAACA8vIBACsKpPYAgAAAA==, encoding: gz", "hi", "0644", ""},
		"text/plain":  {"path: /etc/motd, content: hi, encoding: text/plain", "hi", "0644", ""},
		"number":      {"path: /etc/motd, content: 010", "010", "0644", ""},
		"empty":       {"path: /etc/motd", "", "0644", ""},
		"unread":      {"path: /etc/docker/daemon.json, content: '{}'", "{}", "0644", "nothing here reads /etc/docker/"},
	} {
		t.Run(name, func(t *testing.T) {
			got, notes := sound(t, "write_files:\n- {"+c.entry+"}\n")
			if len(got.WriteFiles) != 1 {
				t.Fatalf("%+v", got.WriteFiles)
			}
			text, err := got.WriteFiles[0].Bytes()
			if string(text) != c.content || err != nil || got.WriteFiles[0].Permissions != c.mode {
				t.Errorf("%q %v %+v", text, err, got.WriteFiles[0])
			}
			if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
	c, _ := sound(t, "write_files:\n- {path: /etc/motd, content: a, append: yes, defer: True, owner: 'ada:1000'}\n")
	if f := c.WriteFiles[0]; !f.Append || !f.Defer || f.Owner != "ada:1000" {
		t.Errorf("%+v", f)
	}
}

// TestFilesOfOtherPrograms: what a file says is said to the schema, if it can be.
func TestFilesOfOtherPrograms(t *testing.T) {
	entry := func(path, content string) string {
		return "- path: " + path + "\n  content: |\n    " + strings.ReplaceAll(content, "\n", "\n    ") + "\n"
	}
	c, notes := sound(t, "users: [ada]\nwrite_files:\n"+
		entry("/etc/sysctl.d/90.conf", "# a\nvm.swappiness = 10\n-net/ipv4/ip_forward=1")+
		entry("/etc/modules-load.d/k.conf", "overlay\n; b\nbr_netfilter")+
		entry("/etc/modprobe.d/k.conf", "options nf_conntrack hashsize=4096\nblacklist nouveau")+
		entry("/root/.ssh/authorized_keys", key1)+
		entry("/home/ada/.ssh/authorized_keys", key2)+
		entry("/etc/timezone", "Europe/Berlin")+
		entry("/etc/environment", "HTTP_PROXY=\"http://10.0.0.1:3128\"")+
		entry("/etc/systemd/timesyncd.conf", "[Time]\nNTP=a.example.org 10.0.0.3")+
		entry("/etc/resolv.conf", "nameserver 10.0.0.2\nsearch lan")+
		entry("/etc/rc.local", "#!/bin/sh -e\necho up\nexit 0")+
		entry("/var/lib/cloud/scripts/per-once/a", "#!/bin/sh\necho once")+
		entry("/etc/rancher/k3s/config.yaml", "disable: [traefik]\nnode-label:\n- a=b\ntoken: x")+
		entry("/etc/rancher/k3s/registries.yaml", "mirrors: {}")+
		entry("/usr/local/bin/x", "#!/bin/sh")+
		entry("/etc/init.d/x", "#!/sbin/openrc-run")+
		entry("/usr/local/share/ca-certificates/a.crt", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"))
	says(t, notes, "module_blacklist", "the root is read-only", "a manifest below")
	for what, p := range map[string][2]any{
		"sysctls":     {c.Sysctls, map[string]string{"vm.swappiness": "10", "net.ipv4.ip_forward": "1"}},
		"modules":     {c.Modules, []string{"overlay", "br_netfilter", "nf_conntrack hashsize=4096"}},
		"root":        {c.SSHAuthorizedKeys, []string{key1}},
		"ada":         {c.Users, []config.User{{Name: "ada", SSHAuthorizedKeys: []string{key2}}}},
		"timezone":    {c.Timezone, "Europe/Berlin"},
		"environment": {c.Environment, map[string]string{"HTTP_PROXY": "http://10.0.0.1:3128"}},
		"ntp":         {c.NTP.Servers, []string{"a.example.org", "10.0.0.3"}},
		"dns":         {c.Network.DNS, []string{"10.0.0.2"}},
		"token":       {c.K3s.Token, "x"},
		"args":        {c.K3s.Args[0], "--disable=traefik"},
		"files":       {len(c.WriteFiles), 1},
		"scripts":     {[2]int{len(c.RunCmd), len(c.FirstRunCmd)}, [2]int{1, 1}},
		"authorities": {len(c.CACerts), 1},
	} {
		if !reflect.DeepEqual(p[0], p[1]) {
			t.Errorf("%s: got %+v, want %+v", what, p[0], p[1])
		}
	}
}

func TestFilesThatAreBroken(t *testing.T) {
	c, errors, _ := load("write_files:\n- {content: a}\n- {path: /etc/a, content: '*', encoding: b64}\n- {path: /etc/b, content: [x]}\n- {path: /etc/c, content: x, permissions: rw}\n- {path: /etc/d, content: x}\n- {path: /etc/e, source: {uri: 'https://example.org'}}\n")
	says(t, errors, "without a path", "not what its encoding says", "want text", "octal")
	if n := len(c.WriteFiles); n < 1 || c.WriteFiles[n-1].Path != "/etc/d" {
		t.Errorf("%+v", c.WriteFiles)
	}
}
