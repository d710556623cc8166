package k3os_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/config"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"

func read(text string) (c *config.Config, errors, notes []string) {
	c, problems := config.Parse("config.yaml", []byte(text))
	for _, p := range problems {
		if p.Note {
			notes = append(notes, p.String())
		} else {
			errors = append(errors, p.String())
		}
	}
	return c, errors, notes
}

// TestEveryKey: each key of k3OS's struct has its effect.
func TestEveryKey(t *testing.T) {
	c, errors, notes := read(`
ssh_authorized_keys: ["` + key + `"]
write_files:
- {path: /etc/motd, content: aGk=, encoding: b64, owner: "root:root", permissions: "0600"}
hostname: edge-1
init_cmd: [one]
boot_cmd: [two]
run_cmd: [three]
k3os:
  data_sources: [aws, packet, cdrom]
  modules: [kvm, "bonding mode=1"]
  sysctl: {kernel.printk: 4 4 1 7, vm.swappiness: 10}
  ntp_servers: [a.example.org]
  dns_nameservers: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]
  wifi: [{name: Quay, passphrase: fair-winds}, {name: Pier, pass: foul-winds}]
  password: "$6$salt$hash"
  server_url: https://a.example.org:6443
  token: K10abc::server:def
  labels: {region: quay, loud: true}
  taints: [a=b:NoSchedule]
  k3s_args: [agent, --node-ip=192.0.2.9]
  environment: {HTTP_PROXY: "http://p.example.org", TZ: Europe/Berlin}
  install: {device: /dev/sda, silent: true, powerOff: true, force_efi: true}
`)
	want := config.Default()
	want.SSHAuthorizedKeys, want.Hostname = []string{key}, "edge-1"
	want.WriteFiles = []config.File{{Path: "/etc/motd", Content: "aGk=", Encoding: "b64", Owner: "root:root", Permissions: "0600"}}
	want.Install.Device, want.Install.Silent, want.Install.PowerOff = "/dev/sda", true, true
	want.BootCmd, want.RunCmd = []string{"one", "two"}, []string{"three"}
	want.Modules = []string{"kvm", "bonding mode=1"}
	want.Sysctls = map[string]string{"kernel.printk": "4 4 1 7", "vm.swappiness": "10"}
	want.NTP.Servers, want.Network.DNS = []string{"a.example.org"}, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	want.Network.WiFi = []config.WiFi{{Name: "Quay", Passphrase: "fair-winds"}, {Name: "Pier", Passphrase: "foul-winds"}}
	want.Users = []config.User{{Name: "rancher", Admin: true, Password: "$6$salt$hash", SSHAuthorizedKeys: []string{key}}}
	want.K3s = config.K3s{Enabled: true, Role: "agent", ServerURL: "https://a.example.org:6443", Token: "K10abc::server:def",
		Labels: map[string]string{"region": "quay", "loud": "true"}, Taints: []string{"a=b:NoSchedule"}, Args: []string{"--node-ip=192.0.2.9"}}
	want.DataSources = []string{"ec2", "nocloud", "config-drive"}
	want.Environment, want.Timezone = map[string]string{"HTTP_PROXY": "http://p.example.org"}, "Europe/Berlin"
	if d := cmp.Diff(want, c); d != "" || len(errors) > 0 {
		t.Errorf("%s\n%q", d, errors)
	}
	for _, word := range []string{"init_cmd", "data_sources", "dns_nameservers", "install"} {
		if !strings.Contains(strings.Join(notes, "\n"), ": "+word+": ") {
			t.Errorf("nothing is said about %s: %q", word, notes)
		}
	}
}

// TestSpellings: k3OS takes camel case, one for several, and a value for a list of one.
func TestSpellings(t *testing.T) {
	c, errors, notes := read("sshAuthorizedKey: " + key + "\nrunCmd: date\nk3os:\n  ntpServers: a.example.org\n  dnsNameserver: 192.0.2.1\n" +
		"  module: kvm\n  k3Args: [server]\n  label:\n  taints:\n  password: ''\n")
	if len(errors)+len(notes) > 0 || len(c.SSHAuthorizedKeys) != 1 || c.RunCmd[0] != "date" || c.NTP.Servers[0] != "a.example.org" ||
		c.Network.DNS[0] != "192.0.2.1" || c.Modules[0] != "kvm" || c.K3s.Role != "server" {
		t.Errorf("%+v %q %q", c, errors, notes)
	}
}

// TestOneBadValue does not cost the others, and a mistyped key is an error.
func TestOneBadValue(t *testing.T) {
	c, errors, _ := read("hostname: [a]\nssh_authorized_keys: [{a: b}, \"" + key + "\"]\nk3os: {modulse: [a], zzzz: 1, password: [hush], modules: [kvm]}\n")
	all := strings.Join(errors, "\n")
	if len(c.SSHAuthorizedKeys) != 1 || len(c.Modules) != 1 || len(errors) != 4 || !strings.Contains(all, `did you mean "modules"?`) || strings.Contains(all, "hush") {
		t.Errorf("%+v\n%s", c, all)
	}
}

// TestConnmanCommands: an address that k3OS set by a program that is not here is the interface's.
func TestConnmanCommands(t *testing.T) {
	c, errors, notes := read(`
run_cmd:
- connmanctl config ethernet_525400aa0001_cable --ipv4 manual 10.0.0.2 255.255.255.0 10.0.0.1
- touch /run/x
k3os: {}
`)
	if len(errors)+len(notes) > 0 {
		t.Errorf("said %v %v", errors, notes)
	}
	eth := c.Network.Interfaces["52:54:00:aa:00:01"]
	if len(eth.Addresses) != 1 || eth.Addresses[0] != "10.0.0.2/24" || eth.Gateway != "10.0.0.1" || len(c.RunCmd) != 1 {
		t.Errorf("got %+v, run_cmd %v", eth, c.RunCmd)
	}
}
