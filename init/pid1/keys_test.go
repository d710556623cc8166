package pid1

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/firewall"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/sys"
)

// changes has two documents for each key of the schema that differ in that key only. elsewhere: tested by the package
// that reads it.
var changes = map[string][2]string{
	"version":                             {"version: 1", "elsewhere: config.TestProblems"},
	"hostname":                            {"hostname: a", "hostname: b"},
	"ssh_authorized_keys":                 {"", "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP]"},
	"config.url":                          {"", "elsewhere: metadata.TestURL"},
	"config.sha256":                       {"", "elsewhere: metadata.TestURL"},
	"data_sources":                        {"", "elsewhere: datasource.TestPermitted"},
	"users[].name":                        {"users: [{name: ada}]", "users: [{name: eva}]"},
	"users[].comment":                     {"users: [{name: ada}]", "users: [{name: ada, comment: Ada L.}]"},
	"users[].uid":                         {"users: [{name: ada}]", "users: [{name: ada, uid: 1234}]"},
	"users[].groups":                      {"users: [{name: ada}]", "users: [{name: ada, groups: [video]}]"},
	"users[].home":                        {"users: [{name: ada}]", "users: [{name: ada, home: /home/lovelace}]"},
	"users[].shell":                       {"users: [{name: ada}]", "users: [{name: ada, shell: /sbin/nologin}]"},
	"users[].admin":                       {"users: [{name: ada}]", "users: [{name: ada, admin: true}]"},
	"users[].password":                    {"users: [{name: ada}]", "users: [{name: ada, password: fair winds}]"},
	"users[].ssh_authorized_keys":         {"users: [{name: ada}]", "users: [{name: ada, ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP]}]"},
	"ssh.passwords":                       {"users: [{name: ada, password: fair winds}]", "{users: [{name: ada, password: fair winds}], ssh: {passwords: true}}"},
	"write_files[].path":                  {"write_files: [{path: /etc/a, content: a}]", "write_files: [{path: /etc/b, content: a}]"},
	"write_files[].content":               {"write_files: [{path: /etc/a, content: a}]", "write_files: [{path: /etc/a, content: b}]"},
	"write_files[].encoding":              {"write_files: [{path: /etc/a, content: aGkK}]", "write_files: [{path: /etc/a, content: aGkK, encoding: b64}]"},
	"write_files[].owner":                 {"write_files: [{path: /etc/a, content: a}]", "write_files: [{path: /etc/a, content: a, owner: '1:1'}]"},
	"write_files[].permissions":           {"write_files: [{path: /etc/a, content: a}]", "write_files: [{path: /etc/a, content: a, permissions: '0600'}]"},
	"write_files[].append":                {"", "elsewhere: userfile.TestAppend"},
	"write_files[].defer":                 {"", "elsewhere: boot.TestDeferredFiles"},
	"environment":                         {"", "environment: {A: b}"},
	"mounts[].device":                     {"", "elsewhere: usermount.TestSources"},
	"mounts[].path":                       {"", "elsewhere: usermount.TestMounts"},
	"mounts[].type":                       {"", "elsewhere: usermount.TestMounts"},
	"mounts[].options":                    {"", "elsewhere: usermount.TestMounts"},
	"swap.zram":                           {"", "elsewhere: swap.TestApply"},
	"swap.file":                           {"", "elsewhere: swap.TestFile"},
	"timezone":                            {"", "elsewhere: boot.TestTimezone"},
	"ca_certs":                            {"", "elsewhere: cacerts.TestBundle"},
	"boot_cmd":                            {"", "elsewhere: boot.TestBootCommands"},
	"run_cmd":                             {"", "elsewhere: afterboot.TestFirstBoot"},
	"first_run_cmd":                       {"", "elsewhere: afterboot.TestFirstBoot"},
	"phone_home":                          {"", "elsewhere: afterboot.TestPhoneHome"},
	"power.action":                        {"", "elsewhere: afterboot.TestFirstBoot"},
	"power.delay":                         {"", "elsewhere: afterboot.TestFirstBoot"},
	"power.message":                       {"", "elsewhere: afterboot.TestFirstBoot"},
	"install.device":                      {"", "elsewhere: target.TestChoose"},
	"install.silent":                      {"", "elsewhere: service.TestInstaller"},
	"install.force":                       {"", "elsewhere: run.TestSilent"},
	"install.data":                        {"", "elsewhere: run.TestSilent"},
	"install.config_url":                  {"", "elsewhere: run.TestSilent"},
	"install.power_off":                   {"", "elsewhere: run.TestSilent"},
	"install.webhook":                     {"", "elsewhere: run.TestSilent"},
	"final_message":                       {"", "elsewhere: TestExpand"},
	"modules":                             {"", "modules: [dummy]"},
	"sysctls":                             {"sysctls: {vm.swappiness: 1}", "sysctls: {vm.swappiness: 2}"},
	"network.interfaces.dhcp":             {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.addresses":        {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.gateway":          {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].to":      {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].via":     {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].metric":  {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.mtu":              {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.dhcp6":            {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.accept_ra":        {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.metric":           {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.dns":              {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.search":           {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.mac":              {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.optional":         {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.dummy":            {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.vlan":             {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.bond":             {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.bridge":           {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].on_link": {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].source":  {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].table":   {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].type":    {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].scope":   {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.routes[].mtu":     {"", "elsewhere: netup.TestEveryKeyIsRead"},
	"network.interfaces.rename":           {"", "elsewhere: netup.TestRename"},
	"network.interfaces.match.name":       {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.interfaces.match.mac":        {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.interfaces.match.driver":     {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].from":                {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].to":                  {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].table":               {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].priority":            {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].mark":                {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.rules[].tos":                 {"", "elsewhere: netup.TestEveryKeyOfMadeIsRead"},
	"network.wifi[].name":                 {"network: {wifi: [{name: a, passphrase: fair winds}]}", "network: {wifi: [{name: b, passphrase: fair winds}]}"},
	"network.wifi[].passphrase":           {"network: {wifi: [{name: a, passphrase: fair winds}]}", "network: {wifi: [{name: a, passphrase: foul winds}]}"},
	"network.wifi[].hidden":               {"network: {wifi: [{name: a, passphrase: fair winds}]}", "network: {wifi: [{name: a, passphrase: fair winds, hidden: true}]}"},
	"network.wifi_country":                {"network: {wifi: [{name: a}], wifi_country: DE}", "network: {wifi: [{name: a}], wifi_country: NO}"},
	"network.dns":                         {"", "network: {dns: [9.9.9.9]}"},
	"network.search":                      {"", "network: {search: [lan]}"},
	"network.firewall.enabled":            {"", "network: {firewall: {enabled: false}}"},
	"network.firewall.allow":              {"", "network: {firewall: {allow: [tcp/8080]}}"},
	"network.firewall.inside":             {"", "network: {firewall: {inside: [cali*]}}"},
	"ntp.servers":                         {"", "ntp: {servers: [ntp.example.org]}"},
	"k3s.enabled":                         {"", "k3s: {enabled: false}"},
	"k3s.role":                            {"", "k3s: {role: agent}"},
	"k3s.server_url":                      {"k3s: {role: agent}", "k3s: {role: agent, server_url: 'https://10.0.0.1:6443'}"},
	"k3s.token":                           {"", "k3s: {token: t}"},
	"k3s.args":                            {"", "k3s: {args: [--v=2]}"},
	"k3s.labels":                          {"", "k3s: {labels: {a: b}}"},
	"k3s.taints":                          {"", "k3s: {taints: ['a:NoSchedule']}"},
	"health.deadline":                     {"", "health: {deadline: 1h}"},
	"health.checks[].name":                {"", "elsewhere: probe.TestWatch"},
	"health.checks[].http":                {"", "elsewhere: probe.TestHTTP"},
	"health.checks[].status":              {"", "elsewhere: probe.TestHTTP"},
	"health.checks[].tcp":                 {"", "elsewhere: probe.TestTCP"},
	"health.checks[].command":             {"", "elsewhere: probe.TestCommand"},
	"health.checks[].workload":            {"", "elsewhere: probe.TestWorkload"},
	"health.checks[].timeout":             {"", "elsewhere: probe.TestCommand"},
	"health.checks[].interval":            {"", "elsewhere: probe.TestWatch"},
	"health.checks[].for":                 {"", "elsewhere: probe.TestWatch"},
	"upgrade.source":                      {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, source: [https://a.example]}"},
	"upgrade.redirect_hosts":              {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, redirect_hosts: [a.example]}"},
	"upgrade.automatic":                   {"", "upgrade: {automatic: check}"},
	"upgrade.interval":                    {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, interval: 24h}"},
	"upgrade.jitter":                      {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, jitter: 1h}"},
	"upgrade.cluster":                     {"", "upgrade: {cluster: true}"},
	"upgrade.bandwidth":                   {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, bandwidth: 2M}"},
	"upgrade.peers":                       {"", "upgrade: {peers: true}"},
	"upgrade.window.days":                 {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, window: {days: [sun]}}"},
	"upgrade.window.start":                {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, window: {start: \"02:00\"}}"},
	"upgrade.window.length":               {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, window: {length: 2h}}"},
	"upgrade.window.timezone":             {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, window: {timezone: Europe/Berlin}}"},
	"upgrade.rehearsal":                   {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, rehearsal: skip}"},
	"upgrade.datastore":                   {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, datastore: restore}"},
	"upgrade.reboot":                      {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, reboot: manual}"},
	"upgrade.swap":                        {"upgrade: {automatic: apply}", "upgrade: {automatic: apply, swap: always}"},
}

// leaves returns the keys of the schema that have values, named as in changes.
func leaves(typ reflect.Type, prefix string) (out []string) {
	for i := range typ.NumField() {
		f, key := typ.Field(i).Type, prefix+typ.Field(i).Tag.Get("yaml")
		switch {
		case f.Kind() == reflect.Struct:
			out = append(out, leaves(f, key+".")...)
		case f.Kind() == reflect.Map && f.Elem().Kind() == reflect.Struct:
			out = append(out, leaves(f.Elem(), key+".")...)
		case f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct:
			out = append(out, leaves(f.Elem(), key+"[].")...)
		default:
			out = append(out, key)
		}
	}
	return out
}

// derived returns everything that a machine derives from a document, except its interfaces.
func derived(t *testing.T, root, doc string) string {
	t.Helper()
	c, problems := config.Parse("c", []byte(doc))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := &sys.Fake{}
	m := &boot.Machine{Sys: f, Root: root, Logf: t.Logf, Ctx: t.Context(), Config: c}
	var err error
	if m.Modules, err = modules.Open(filepath.Join(root, "modules"), f.LoadModule); err != nil {
		t.Fatal(err)
	}
	for _, s := range boot.Stage2() {
		if slices.Contains([]string{"identity", "accounts", "environment", "sysctls", "user-modules", "write-files", "wifi", "k3s-config"}, s.Name) {
			if err := s.Func(t.Context(), m); err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
		}
	}
	var b strings.Builder
	b.WriteString(f.String())
	for _, name := range slices.Sorted(maps.Keys(f.Files)) {
		fmt.Fprintf(&b, "%s: %q\n", name, f.Files[name])
	}
	for _, row := range service.Table(service.Facts{Config: c}) {
		fmt.Fprintln(&b, row.Name, row.Argv)
	}
	b.WriteString(netup.New(f, c, "h", "", t.Logf).Resolv())
	b.WriteString(firewall.For(c).Text())
	k := &keeper{m: m}
	k.conf.begin(m)
	fmt.Fprintln(&b, k.deadline(), clock.Servers(k.conf.ntpServers(), nil))
	return b.String()
}

// TestEveryKeyIsRead: each key of the schema must change something on the machine; otherwise it would be accepted and
// ignored.
func TestEveryKeyIsRead(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"modules/modules.dep": "dummy.ko:\n", "usr/sbin/wpa_supplicant": "", "var/lib/proa/machine-id": strings.Repeat("a", 32) + "\n", "var/lib/proa/hostname": "proa-aaaaaa\n"} {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keys := leaves(reflect.TypeFor[config.Config](), "")
	for _, key := range keys {
		docs, ok := changes[key]
		switch {
		case !ok:
			t.Errorf("%s: no two documents that differ in it", key)
		case strings.HasPrefix(docs[1], "elsewhere: "):
		case derived(t, root, docs[0]) == derived(t, root, docs[1]):
			t.Errorf("%s: %q and %q come to the same", key, docs[0], docs[1])
		}
	}
	if len(keys) != len(changes) {
		t.Errorf("%d keys, and changes has %d", len(keys), len(changes))
	}
	if one, two := derived(t, root, ""), derived(t, root, ""); one != two {
		t.Errorf("one document comes to two things:\n%s\n%s", one, two)
	}
}
