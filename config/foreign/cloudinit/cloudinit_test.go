package cloudinit_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestUnknownKeys: a slip is an error, unless the key that was meant has no effect either; anything else is named.
func TestUnknownKeys(t *testing.T) {
	_, errors, notes := load("write_files:\n- {path: /etc/a, content: x, enconding: ''}\nusers:\n- {name: ada, ssh_authorised_keys: [x]}\nruncmds: [x]\nlocal: de\nhomelab: 1\nsecret-token-of-mine: 2\n")
	says(t, errors, `did you mean "ssh_authorized_keys"?`, `did you mean "runcmd"?`)
	says(t, notes, `did you mean "locale"?`, `did you mean "encoding"?`, "neither cloud-init nor proa knows")
	if strings.Contains(errors+notes, "secret") || strings.Count(errors, "\n") != 2 {
		t.Error(errors, notes)
	}
}

func TestHostname(t *testing.T) {
	for text, c := range map[string]struct{ want, note string }{
		"hostname: box":                            {"box", ""},
		"hostname: Box_1.Example.org":              {"box-1", "capital"},
		"fqdn: box.example.org":                    {"box", "network.search"},
		"hostname: box\nfqdn: other.example.org":   {"box", "network.search"},
		"hostname: node-{{ .MachineID }}":          {"", "default name"},
		"hostname: ${NAME}":                        {"", "default name"},
		"hostname: 0x1f":                           {"0x1f", ""},
		"hostname: box\npreserve_hostname: true":   {"box", "every boot"},
		"local-hostname: box\nmanage_etc_hosts: 1": {"box", ""},
		"local-hostname: a\nhostname: box":         {"box", "meta-data"},
	} {
		got, notes := sound(t, text+"\n")
		if got.Hostname != c.want || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: %q, %s", text, got.Hostname, notes)
		}
	}
}

func TestMachine(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want func(*config.Config) any
		is   any
		note string
	}{
		"ntp":          {"ntp: {pools: [a.example.org], servers: [10.0.0.1], enabled: true, peers: [x]}\n", func(c *config.Config) any { return c.NTP.Servers }, []string{"10.0.0.1", "a.example.org"}, "peers"},
		"no ntp":       {"ntp:\ntimezone: Europe/Berlin\n", func(c *config.Config) any { return c.Timezone }, "Europe/Berlin", ""},
		"resolv":       {"manage_resolv_conf: true\nresolv_conf: {nameservers: [10.0.0.2], searchdomains: [a.example.org], domain: b.example.org, options: {rotate: true}}\n", func(c *config.Config) any { return [2][]string{c.Network.DNS, c.Network.Search} }, [2][]string{{"10.0.0.2"}, {"b.example.org", "a.example.org"}}, "options"},
		"resolv off":   {"resolv_conf: {nameservers: [10.0.0.2]}\n", func(c *config.Config) any { return len(c.Network.DNS) }, 0, "manage_resolv_conf"},
		"phone":        {"phone_home: {url: 'https://example.org/up', post: [hostname, pub_key_dsa, pub_key_rsa], tries: '5'}\n", func(c *config.Config) any { return *c.PhoneHome }, config.PhoneHome{URL: "https://example.org/up", Post: []string{"hostname", "pub_key_rsa"}, Tries: 5}, "DSA"},
		"phone all":    {"phone_home: {url: 'http://example.org/$INSTANCE_ID/', post: all}\n", func(c *config.Config) any { return *c.PhoneHome }, config.PhoneHome{URL: "http://example.org/$INSTANCE_ID/", Tries: 10}, ""},
		"final":        {"final_message: up after $uptime s, ${timestamp} $VERSION\n", func(c *config.Config) any { return c.FinalMessage }, "up after $uptime s, ${timestamp} $VERSION", ""},
		"power":        {"power_state: {mode: reboot, delay: '+5', message: bye, timeout: 30, condition: True}\n", func(c *config.Config) any { return c.Power }, config.Power{Action: "reboot", Delay: 5, Message: "bye"}, "timeout"},
		"halt":         {"power_state: {mode: halt, delay: now}\n", func(c *config.Config) any { return c.Power }, config.Power{Action: "poweroff"}, "halt"},
		"no power":     {"power_state: {mode: reboot, condition: no}\n", func(c *config.Config) any { return c.Power.Action }, "", ""},
		"condition":    {"power_state: {mode: reboot, condition: test -e /x}\n", func(c *config.Config) any { return c.Power.Action }, "", "not restarted"},
		"swap":         {"swap: {filename: /swap, size: 1.5G}\n", func(c *config.Config) any { return c.Swap.File }, 1536, "place"},
		"swap bytes":   {"swap: {size: 1048577}\n", func(c *config.Config) any { return c.Swap.File }, 2, ""},
		"swap auto":    {"swap: {size: auto, maxsize: 64M}\n", func(c *config.Config) any { return c.Swap.File }, 64, ""},
		"swap nothing": {"swap: {size: auto}\n", func(c *config.Config) any { return c.Swap.File }, 0, "swap.zram"},
		"mounts": {"device_aliases: {extra: /dev/nvme0n1}\nmount_default_fields: [null, null, ext4, 'defaults,nofail', '0', '2']\nmounts:\n- [sdb1, /mnt/a]\n- [extra.1, /srv/b, auto, 'noatime,x-systemd.automount', 0, 0]\n- 'nas:/c /mnt/c nfs ro,_netdev 0 0'\n- [sdc1, none, swap, sw]\n- [ephemeral0, null]\n- [cgroup, /sys/fs/cgroup, cgroup, defaults]\n- [LABEL=x, /data]\n- [sdd, /mnt/n, ext4, noauto]\n",
			func(c *config.Config) any { return c.Mounts }, []config.Mount{{Device: "/dev/sdb1", Path: "/mnt/a", Type: "ext4"}, {Device: "/dev/nvme0n1p1", Path: "/srv/b", Options: []string{"noatime"}}, {Device: "nas:/c", Path: "/mnt/c", Type: "nfs", Options: []string{"ro"}}}, "want a folder below /mnt"},
		"packages":   {"packages: [vim]\npackage_update: no\n", func(c *config.Config) any { return c.WriteFiles == nil }, true, "run them as pods"},
		"ours":       {"sysctls: {vm.swappiness: 10}\nrun_cmd: [uptime]\nk3s: {token: a}\n", func(c *config.Config) any { return [3]string{c.Sysctls["vm.swappiness"], c.RunCmd[0], c.K3s.Token} }, [3]string{"10", "uptime", "a"}, ""},
		"netplan":    {"network: {version: 2, ethernets: {eth0: {addresses: [10.0.0.2/24]}}}\n", func(c *config.Config) any { return c.Network.Interfaces["eth0"].Addresses }, []string{"10.0.0.2/24"}, ""},
		"version 1":  {"network: {version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2/24}]}]}\n", func(c *config.Config) any { return c.Network.Interfaces["eth0"].Addresses }, []string{"10.0.0.2/24"}, ""},
		"interfaces": {"network: {interfaces: {eth0: {addresses: [10.0.0.2/24]}}}\n", func(c *config.Config) any { return c.Network.Interfaces["eth0"].Addresses }, []string{"10.0.0.2/24"}, ""},
		"missing":    {"timezone: CI_MISSING_JINJA_VAR/zone\nntp: {servers: [a, CI_MISSING_JINJA_VAR/b]}\n", func(c *config.Config) any { return c.Timezone + strings.Join(c.NTP.Servers, " ") }, "a", "instance data"},
	} {
		t.Run(name, func(t *testing.T) {
			got, notes := sound(t, c.text)
			if v := c.want(got); !reflect.DeepEqual(v, c.is) {
				t.Errorf("got %+v, want %+v", v, c.is)
			}
			if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// TestOneBadField: a field that does not exist costs no other.
func TestOneBadField(t *testing.T) {
	c, errors, _ := load("phone_home: {url: 'http://example.org', post: [nonsense, fqdn]}\n")
	if says(t, errors, "phone_home: post"); c.PhoneHome == nil || !reflect.DeepEqual(c.PhoneHome.Post, []string{"fqdn"}) {
		t.Errorf("%+v", c.PhoneHome)
	}
}

// TestCommands: sh itself judges what becomes of words and lines.
func TestCommands(t *testing.T) {
	c, notes := sound(t, "runcmd:\n- [printf, '%s|', \"it's\", a b, '$HOME', -1, 'x\\y']\n- cd /tmp\n- export A=1\n- [sh, -c, 'printf %s \"$A$PWD\"']\n- false\n- shutdown -r +2\n- apt-get update || true\n- modprobe wireguard\n-\n")
	if len(c.FirstRunCmd) != 1 || c.Power != (config.Power{Action: "reboot", Delay: 2}) || !reflect.DeepEqual(c.Modules, []string{"wireguard"}) {
		t.Fatalf("%+v %+v %+v", c.FirstRunCmd, c.Power, c.Modules)
	}
	out, err := exec.Command("/bin/sh", "-c", strings.ReplaceAll(c.FirstRunCmd[0], "apt-get update || true", "exit 3")).Output()
	if want := `it's|a b|$HOME|-1|x\y|1/tmp`; string(out) != want || err != nil {
		t.Errorf("got %q, %v; want %q, and success, because it must not run again", out, err, want)
	}
	says(t, notes, "apt-get is not on this system")
	_, errors, _ := load("runcmd:\n- echo a: b\n- ls\nbootcmd: [[a, [b]]]\n")
	says(t, errors, "needs quotes", "a string, or a list of words")
}

func TestBootCommands(t *testing.T) {
	dir := t.TempDir()
	c, _ := sound(t, "bootcmd:\n- [cloud-init-per, once, fs, sh, -c, 'echo once']\n- cloud-init-per always x echo always\n")
	script := strings.ReplaceAll(c.BootCmd[0], "/var/lib/cloud", dir)
	for _, want := range []string{"once\nalways\n", "always\n"} {
		if out, err := exec.Command("/bin/sh", "-c", script).Output(); string(out) != want || err != nil {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	}
}

// TestInstallationOfK3s: K3s is here already, so what installs it elsewhere configures it.
func TestInstallationOfK3s(t *testing.T) {
	c, notes := sound(t, "runcmd:\n- |\n  curl -sfL https://get.k3s.io | K3S_URL=https://10.0.0.1:6443 K3S_TOKEN='a b' INSTALL_K3S_EXEC=\"agent --node-label a=b\" sh -s - \\\n  --flannel-iface eth1 > /dev/null\n- |\n  curl -sfL https://get.k3s.io | sh -s - --disable traefik\n")
	k := c.K3s
	if k.ServerURL != "https://10.0.0.1:6443" || k.Token != "a b" || k.Role != "agent" || len(c.FirstRunCmd) != 0 {
		t.Errorf("%+v %q", k, c.FirstRunCmd)
	}
	says(t, strings.Join(k.Args, " "), "--disable=traefik")
	says(t, notes, "not installed")
}

// FuzzTranslate: no document makes the translator panic or hang, and none makes it quote what stands in it as a password.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{"users: &a [*a]\n", "a: &a {<<: *a}\nusers: *a\n", "runcmd: [[a, [b]], {c: d}]\nmounts: [[], {}, 1]\n", "chpasswd: {list: [a:b, 1], users: [1, {}]}\n",
		"write_files: [{path: [a], content: {b: c}, permissions: 999999999999}]\nswap: {size: 9e99}\n", "autoinstall: {user-data: {autoinstall: {user-data: {}}}}\n", "- a\n", "system_info: {default_user: [a]}\nuser: {name: {}}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) { load(text) })
}
