package paths

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/account"
	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/k3sargs"
	"github.com/proa-os/proa/config/foreign/netplan"
	"github.com/proa-os/proa/config/foreign/nodename"
	"github.com/proa-os/proa/config/k3sflags"
)

// reader translates the text of a file.
type reader struct {
	path string
	read func(d *draft.Draft, at *yaml.Node, file, text string)
}

// readers are the files of which the schema can say the content.
var readers = []reader{
	{k3sflags.ConfigFile, k3sFile},
	{"/etc/sysctl.conf", sysctls},
	{"/etc/sysctl.d/", sysctls},
	{"/usr/lib/sysctl.d/", sysctls},
	{"/etc/modules", modules},
	{"/etc/modules-load.d/", modules},
	{"/etc/modprobe.d/", moduleOptions},
	{"/root/.ssh/authorized_keys", rootKeys},
	{"/home/*/.ssh/authorized_keys", accountKeys},
	{"/etc/hostname", hostname},
	{"/etc/timezone", timezone},
	{"/etc/environment", environment},
	{"/etc/systemd/timesyncd.conf", timesyncd},
	{"/etc/systemd/timesyncd.conf.d/", timesyncd},
	{"/etc/ntp.conf", timeServers},
	{"/etc/chrony.conf", timeServers},
	{"/etc/chrony/", timeServers},
	{"/etc/resolv.conf", resolver},
	{"/etc/netplan/*", network},
	{"/etc/systemd/resolved.conf", resolved},
	{"/etc/systemd/resolved.conf.d/", resolved},
	{"/usr/local/share/ca-certificates/", authority},
	{"/etc/pki/ca-trust/source/anchors/", authority},
	{"/etc/rc.local", everyBoot},
	{"/etc/rc.d/rc.local", everyBoot},
	{"/etc/local.d/*.start", everyBoot},
	{"/var/lib/cloud/scripts/per-boot/", everyBoot},
	{"/var/lib/cloud/scripts/per-instance/", firstBoot},
	{"/var/lib/cloud/scripts/per-once/", firstBoot},
}

// lines returns the lines of a text without blanks at their ends, and without comments and empty ones.
func lines(text, comment string) (out []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.ContainsAny(line[:1], comment) {
			out = append(out, line)
		}
	}
	return out
}

// k3sFile reads the configuration of K3s, which proa writes itself, out of its keys.
func k3sFile(d *draft.Draft, at *yaml.Node, _, text string) {
	doc, ok := Document(d, at, text)
	if ok {
		k3sargs.File(d, doc)
	}
}

func network(d *draft.Draft, at *yaml.Node, _, text string) {
	if doc, ok := Document(d, at, text); ok {
		netplan.Translate(d, doc)
	}
}

// sysctls reads sysctl.d(5). A - before a name, which hides errors, has no effect: an error costs no other setting here.
func sysctls(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#;") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "-"), "=")
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); !ok || value == "" {
			d.Refuse(at, "write_files: a line of sysctl.d without NAME = VALUE")
			continue
		}
		d.Set(draft.Text(at, value), "sysctls", name)
	}
}

// modules reads modules-load.d(5) and Debian's and Alpine's /etc/modules, where parameters may follow.
func modules(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#;") {
		d.Append(draft.Text(at, line), "modules")
	}
}

// moduleOptions reads the options of modprobe.d(5).
func moduleOptions(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "options":
			d.Append(draft.Text(at, strings.TrimSpace(rest)), "modules")
		case "blacklist", "install":
			d.Note(at, "write_files: modprobe.d: %s has no effect; keep a module out with module_blacklist=NAME on the kernel's command line", word)
		default:
			d.Note(at, "write_files: modprobe.d: of its lines only options are read")
		}
	}
}

func rootKeys(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#") {
		d.Append(draft.Text(at, line), "ssh_authorized_keys")
	}
}

// accountKeys gives the keys to the account, which the document must list.
func accountKeys(d *draft.Draft, at *yaml.Node, file, text string) {
	r := account.New(d)
	u := r.Find(strings.Split(file, "/")[2])
	if u == nil {
		d.Note(at, "write_files: keys for an account that is not in users; list it there")
		return
	}
	for _, line := range lines(text, "#") {
		r.Give(u, draft.Text(at, line))
	}
}

func hostname(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#") {
		nodename.Set(d, at, line)
	}
}

func timezone(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#") {
		d.Set(draft.Text(at, line), "timezone")
	}
}

// environment reads the format of pam_env's file: NAME=VALUE, with or without quotes around the value.
func environment(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			d.Refuse(at, "write_files: a line of /etc/environment without NAME=VALUE")
			continue
		}
		d.Set(draft.Text(at, unquoted(value)), "environment", strings.TrimSpace(name))
	}
}

func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}

func timesyncd(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#;") {
		name, value, _ := strings.Cut(line, "=")
		if slices.Contains([]string{"NTP", "FallbackNTP"}, strings.TrimSpace(name)) {
			appendWords(d, at, value, "ntp", "servers")
		}
	}
}

// timeServers reads the servers of ntp.conf and chrony.conf.
func timeServers(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#!%;") {
		words := strings.Fields(line)
		if len(words) > 1 && slices.Contains([]string{"server", "pool", "peer"}, words[0]) {
			d.Append(draft.Text(at, words[1]), "ntp", "servers")
		}
	}
}

func resolver(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#;") {
		word, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		switch word {
		case "nameserver":
			appendWords(d, at, rest, "network", "dns")
		case "search", "domain":
			appendWords(d, at, rest, "network", "search")
		default:
			d.Note(at, "write_files: resolv.conf: only nameserver and search are read")
		}
	}
}

func resolved(d *draft.Draft, at *yaml.Node, _, text string) {
	for _, line := range lines(text, "#;") {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "DNS":
			appendWords(d, at, value, "network", "dns")
		case "Domains":
			appendWords(d, at, strings.ReplaceAll(value, "~", ""), "network", "search")
		}
	}
}

func appendWords(d *draft.Draft, at *yaml.Node, text string, path ...string) {
	for _, word := range strings.Fields(text) {
		d.Append(draft.Text(at, word), path...)
	}
}

func authority(d *draft.Draft, at *yaml.Node, file, text string) {
	if !slices.Contains([]string{".crt", ".pem", ".cer"}, path.Ext(file)) {
		d.Note(at, "write_files: not written: of this folder only certificates are read, .crt and .pem")
		return
	}
	d.Append(draft.Text(at, text), "ca_certs")
}

func everyBoot(d *draft.Draft, at *yaml.Node, _, text string) {
	if command.Script(d, at, text) {
		d.Append(draft.Text(at, text), "run_cmd")
	}
}

func firstBoot(d *draft.Draft, at *yaml.Node, _, text string) {
	if command.Script(d, at, text) {
		d.Append(draft.Text(at, command.Once(text)), "first_run_cmd")
	}
}
