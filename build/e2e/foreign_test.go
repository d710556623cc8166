package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// foreignFile is a document of another system with what a booted machine has to show for it.
type foreignFile struct {
	name, config string
	user         string      // who logs in besides root
	shows        [][2]string // command and what it prints
	notes        []string    // what `proa config validate` says about keys without an effect
}

var foreignFiles = []foreignFile{
	{"k3OS", `ssh_authorized_keys: ["%KEY%"]
hostname: quay-3
write_files:
- {path: /etc/motd, content: bm8gcGxhY2UgbGlrZSBwb3J0Cg==, encoding: b64, permissions: "0600"}
init_cmd: ["echo init > /run/said"]
boot_cmd: ["echo boot >> /run/said"]
run_cmd: ["echo \"run $LANTERN\" >> /run/said"]
k3os:
  data_sources: [cdrom]
  modules: [dummy]
  sysctl: {kernel.printk: 4 4 1 7, vm.max_map_count: 262144}
  ntp_servers: [192.0.2.123]
  dns_nameservers: [192.0.2.53]
  password: fair winds
  labels: {dock: north}
  k3s_args: [server, --disable, "traefik,coredns"]
  environment: {LANTERN: green}
`, "rancher", [][2]string{
		{"hostname; cat /etc/motd; stat -c %a /etc/motd", "quay-3\nno place like port\n600\n"},
		{"sysctl -n vm.max_map_count; sysctl -n kernel.printk | xargs; test -d /sys/module/dummy && echo loaded", "262144\n4 4 1 7\nloaded\n"},
		{"grep -c 192.0.2.53 /etc/resolv.conf; cat /run/said", "1\ninit\nboot\nrun green\n"},
		{"grep -A1 disable: /etc/rancher/k3s/config.yaml | xargs; grep -c dock=north /etc/rancher/k3s/config.yaml", "disable: - traefik,coredns\n1\n"},
	}, []string{"init_cmd", "data_sources"}},
	{"cloud-config", `#cloud-config
fqdn: Pier-7.example.org
users:
  - default
  - name: ada
    groups: [sudo, video]
    sudo: ALL=(ALL) NOPASSWD:ALL
    shell: /bin/bash
    ssh_authorized_keys: ["%KEY%"]
ssh_authorized_keys: ["%KEY%"]
timezone: Europe/Lisbon
bootcmd: [[sh, -c, "echo \"a b\" > /run/said"]]
runcmd:
  - [sh, -c, 'echo "$1" >> /run/said', x, "c  d"]
  - echo done >> /run/said
write_files:
  - {path: /etc/sysctl.d/90-x.conf, content: "vm.max_map_count = 300000\n"}
  - {path: /opt/one, content: "1\n", permissions: "0640", owner: "ada:ada", defer: true}
  - {path: /opt/one, content: "2\n", append: true, defer: true}
packages: [htop]
k3s: {enabled: false}
`, "ada", [][2]string{
		{"hostname; cat /run/said; date +%Z", "pier-7\na b\nc  d\ndone\nWET\n"},
		{"sysctl -n vm.max_map_count; cat /opt/one; stat -c '%a %U' /opt/one", "300000\n1\n2\n644 root\n"},
	}, []string{"packages"}},
}

// TestForeignConfig: a file that another system takes has the same effects here, and what has none is named.
func TestForeignConfig(t *testing.T) {
	needs(t, "foreign")
	for _, f := range foreignFiles {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: f.config})
			m.until("proa status", "run_cmd succeeded", bootBudget)
			for _, s := range f.shows {
				m.until(s[0], s[1], bootBudget)
			}
			m.says(f.user, "sudo -n id -u", "0\n")
			told := m.run("proa config validate /boot/config.yaml", nil)
			for _, key := range f.notes {
				if !strings.Contains(told, "note: "+key) {
					t.Errorf("nothing is said about %s:\n%s", key, told)
				}
			}
			if text := m.run("proa status", nil); strings.Contains(text, "FAILED") {
				t.Errorf("%s", text)
			}
		})
	}
}
