package foreign_test

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/foreigntest"
)

// read returns the configuration of a document, with its errors and its notes.
func read(file, text string) (c *config.Config, errors, notes string) {
	c, problems := config.Parse(file, []byte(text))
	errors, notes = foreigntest.Split(problems)
	return c, errors, notes
}

// TestFormats: what a document is is told by what stands in it.
func TestFormats(t *testing.T) {
	for _, c := range []struct{ name, file, text, host, errors string }{
		{"ours", "config.yaml", "version: 1\nhostname: a\n", "a", ""},
		{"ours without a version", "config.yaml", "hostname: a\nk3s: {enabled: false}\n", "a", ""},
		{"ours is strict", "config.yaml", "version: 1\nhostname: a\npackages: [b]\n", "a", "unknown key"},
		{"k3OS", "config.yaml", "hostname: a\nk3os: {modules: [kvm]}\n", "a", ""},
		{"k3OS by capital letters", "config.yaml", "hostname: a\nk3OS: {modules: kvm}\n", "a", ""},
		{"k3OS in camel case", "config.yaml", "hostname: a\nrunCmd: [date]\n", "a", ""},
		{"cloud-config", "config.yaml", "#cloud-config\nhostname: a\npackages: [b]\n", "a", ""},
		{"cloud-config with a blank", "config.yaml", "# cloud-config\nhostname: a\npackages: [b]\n", "a", ""},
		{"cloud-config by its keys", "config.yaml", "hostname: a\nruncmd: [date]\n", "a", ""},
		{"cloud-config by its name", "user-data", "hostname: A.example.org\n", "a", ""},
		{"k3OS in a cloud-config", "user-data", "#cloud-config\nhostname: a\nruncmd: [date]\nk3os: {token: b}\n", "a", ""},
		{"netplan", "network-config", "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n", "", ""},
		{"netplan, bare", "network-config", "version: 2\nethernets: {eth0: {dhcp4: true}}\n", "", ""},
		{"version 1", "network-config", "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: dhcp}]}]\n", "", ""},
		{"network_data.json", "network_data.json", `{"links": [], "networks": [{"link": "a", "type": "ipv4"}], "services": []}`, "", "want link"},
		{"ours with a network", "config.yaml", "hostname: a\nnetwork: {interfaces: {eth0: {mtu: 1400}}}\n", "a", ""},
		{"meta-data", "meta-data", "instance-id: i-1\nlocal-hostname: a\n", "a", ""},
		{"cloud-config with keys of meta-data", "user-data", "#cloud-config\nlocal-hostname: b\nhostname: a\npower_state: {mode: x}\n", "a", "power_state"},
		{"Kairos without a header", "config.yaml", "hostname: a\ninstall: {auto: true}\nk3s: {enabled: true, env: {K3S_TOKEN: b}}\n", "a", ""},
		{"Kairos", "config.yaml", "#cloud-config\nhostname: a\nk3s: {enabled: true, args: [--disable coredns]}\n", "a", ""},
		{"K3s", "config.yaml", "node-name: a\ndisable: [coredns]\n", "", ""},
		{"a wrong key of K3s", "config.yaml", "node-nam: a\ndisable: [coredns]\n", "", "unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, errors, _ := read(c.file, c.text)
			if got.Hostname != c.host || (errors == "") != (c.errors == "") || !strings.Contains(errors, c.errors) {
				t.Errorf("hostname %q, errors %q", got.Hostname, errors)
			}
		})
	}
}

// TestCommandLine: k3OS's section works on the kernel's command line.
func TestCommandLine(t *testing.T) {
	l := config.Load(config.CommandLine("k3os.modules=kvm k3os.modules=nvme k3os.sysctl[kernel.printk]=4 k3os.server_url=https://a:6443 quiet"))
	c := l.Config
	if len(l.Problems) > 0 || strings.Join(c.Modules, " ") != "kvm nvme" || c.Sysctls["kernel.printk"] != "4" || c.K3s.ServerURL != "https://a:6443" {
		t.Errorf("%+v %v", c, l.Problems)
	}
}
