package cloudinit

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/nodename"
)

func (r *reader) hostname(p draft.Pair) {
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "hostname: want a name; one that begins with { needs quotes")
		return
	}
	nodename.Set(r.Draft, p.Value, s)
}

// fqdn gives the host name if there is no other; the domain has no key.
func (r *reader) fqdn(p draft.Pair) {
	s, ok := draft.String(p.Value)
	switch {
	case !ok:
		r.Refuse(p.Value, "fqdn: want a name; one that begins with { needs quotes")
	case r.Draft.Get("hostname") == nil:
		nodename.Set(r.Draft, p.Value, s)
	case strings.Contains(s, "."):
		r.Note(p.At, "fqdn: the node's name is the host name; for the domain use network.search")
	}
}

// localHostname is a key of meta-data, which some write here.
func (r *reader) localHostname(p draft.Pair) {
	if r.Draft.Get("hostname") != nil {
		r.Note(p.At, "local-hostname: a key of meta-data; hostname counts")
		return
	}
	r.hostname(p)
}

func (r *reader) etcHosts(p draft.Pair) {
	s, _ := draft.String(p.Value)
	if truth, ok := draft.Truth(p.Value); ok && !truth || s == "template" {
		r.Note(p.At, "manage_etc_hosts: /etc/hosts always has the host name; further lines by write_files with append: true")
	}
}

// resolvConf is read only where manage_resolv_conf asks for it, as cloud-init has it.
func (r *reader) resolvConf(p draft.Pair) {
	if m, ok := r.get("manage_resolv_conf"); !ok || field.Nothing(m.Value) {
		r.Note(p.At, "resolv_conf: has no effect without manage_resolv_conf: true")
		return
	}
	f := r.Fields(p.Value, "resolv_conf", field.Known{"nameservers": "", "searchdomains": "", "domain": "",
		"sortlist": "the C library of this system does not sort addresses", "options": "the resolver's options are fixed"})
	r.list(f["nameservers"], "network", "dns")
	r.list(f["domain"], "network", "search")
	r.list(f["searchdomains"], "network", "search")
}

// list appends the entries of a value, if it is there.
func (r *reader) list(p draft.Pair, path ...string) {
	if p.Value != nil {
		r.Texts(p.Value, ", ", p.Key, path...)
	}
}

func (r *reader) ntp(p draft.Pair) {
	f := r.Fields(p.Value, "ntp", field.Known{"servers": "", "pools": "", "enabled": "", "peers": "the machine is a client only; list them in servers",
		"allow": "the machine serves no time; run a time server as a pod", "ntp_client": "the client is a part of the system", "config": "the client is a part of the system"})
	if e, ok := f["enabled"]; ok && field.Nothing(e.Value) {
		r.Note(e.At, "ntp: enabled: the clock is always synchronised; without servers those of DHCP and of pool.ntp.org are asked")
	}
	r.list(f["servers"], "ntp", "servers")
	r.list(f["pools"], "ntp", "servers")
}

// authorities: an entry may hold several certificates.
func (r *reader) authorities(p draft.Pair) {
	f := r.Fields(p.Value, "ca_certs", field.Known{"trusted": "", "remove_defaults": "the authorities of Mozilla stay trusted"})
	for _, n := range r.Items(f["trusted"].Value) {
		s, ok := draft.String(n)
		if !ok {
			r.Refuse(n, "ca_certs: want a certificate in PEM")
			continue
		}
		if strings.TrimSpace(s) != "" {
			r.Append(draft.Text(n, s), "ca_certs")
		}
	}
}

func (r *reader) growpart(p draft.Pair) {
	mode, _ := draft.String(draft.Resolved(draft.Get(p.Value, "mode")))
	if off := strings.ToLower(mode); off == "off" || off == "false" || off == "no" {
		r.Note(p.At, "growpart: mode: %s", growsItself)
		return
	}
	r.Fields(p.Value, "growpart", field.Known{"mode": growsItself, "devices": growsItself, "ignore_growroot_disabled": growsItself})
}

func (r *reader) phoneHome(p draft.Pair) {
	f := r.Fields(p.Value, "phone_home", field.Known{"url": "", "post": "", "tries": ""})
	url, ok := f["url"]
	if !ok {
		r.Note(p.At, "phone_home: without a url nothing is sent")
		return
	}
	if s, _ := draft.String(url.Value); strings.Contains(s, "$") {
		r.Note(url.Value, "phone_home: variables in the URL are not replaced; the fields of the form have these values")
	}
	r.Text(url, "phone_home", "url")
	if post, ok := f["post"]; ok {
		r.postFields(post)
	}
	if tries, ok := f["tries"]; ok {
		if n, ok := draft.Number(tries.Value); ok {
			r.Set(draft.Int(tries.Value, n), "phone_home", "tries")
		} else {
			r.Refuse(tries.Value, "phone_home: tries: want a number")
		}
	}
}

func (r *reader) postFields(p draft.Pair) {
	for _, w := range r.Words(p.Value, ", ", "phone_home: post") {
		switch w.Value {
		case "all":
		case "pub_key_dsa":
			r.Note(w, "phone_home: there is no DSA key")
		default:
			r.Append(w, "phone_home", "post")
		}
	}
}

// variables of final_message are capital or small in cloud-init, and capital here.
var variables = strings.NewReplacer("$uptime", "$UPTIME", "$timestamp", "$TIMESTAMP", "$datasource", "$DATASOURCE", "$version", "$VERSION",
	"${uptime}", "$UPTIME", "${timestamp}", "$TIMESTAMP", "${datasource}", "$DATASOURCE", "${version}", "$VERSION",
	"${UPTIME}", "$UPTIME", "${TIMESTAMP}", "$TIMESTAMP", "${DATASOURCE}", "$DATASOURCE", "${VERSION}", "$VERSION")

func (r *reader) finalMessage(p draft.Pair) {
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "final_message: want text")
		return
	}
	r.Set(draft.Text(p.Value, variables.Replace(s)), "final_message")
}

var powerActions = map[string]string{"reboot": "reboot", "poweroff": "poweroff", "halt": "poweroff"}

func (r *reader) powerState(p draft.Pair) {
	f := r.Fields(p.Value, "power_state", field.Known{"mode": "", "delay": "", "message": "", "condition": "",
		"timeout": "the machine waits until first_run_cmd has ended"})
	mode, ok := f["mode"]
	s, _ := draft.String(mode.Value)
	action := powerActions[strings.TrimSpace(s)]
	switch {
	case !ok:
		r.Refuse(p.At, "power_state: mode is missing: reboot or poweroff")
	case action == "":
		r.Refuse(mode.Value, "power_state: mode: want reboot, poweroff or halt")
	case r.holds(f["condition"]):
		if s == "halt" {
			r.Note(mode.Value, "power_state: mode: halt switches the machine off")
		}
		r.Set(draft.Text(mode.Value, action), "power", "action")
		r.delay(f["delay"])
		if m, ok := f["message"]; ok {
			r.Text(m, "power", "message")
		}
	}
}

// holds reads a condition. A command as condition is not asked: the machine stays as it is.
func (r *reader) holds(p draft.Pair) bool {
	if p.Value == nil {
		return true
	}
	if truth, ok := draft.Truth(p.Value); ok {
		return truth
	}
	r.Note(p.Value, "power_state: condition: a command is not asked; the machine is not restarted; put reboot behind the command in first_run_cmd")
	return false
}

// delay is a number of minutes, +MINUTES or now; the schema has minutes.
func (r *reader) delay(p draft.Pair) {
	if p.Value == nil {
		return
	}
	s, _ := draft.String(p.Value)
	if s = strings.TrimPrefix(strings.TrimSpace(s), "+"); s == "now" || s == "" {
		return
	}
	if n, ok := draft.Number(draft.Text(p.Value, s)); ok {
		r.Set(draft.Int(p.Value, n), "power", "delay")
		return
	}
	r.Refuse(p.Value, "power_state: delay: want a number of minutes, or now")
}

// autoinstall is the document of Ubuntu's installer. The cloud-config in it, user-data, is translated by Keys.
func (r *reader) autoinstall(p draft.Pair) {
	f := r.Fields(p.Value, "autoinstall", installerFields)
	if id, ok := f["identity"]; ok {
		r.identity(id.Value)
	}
	if s, ok := f["ssh"]; ok {
		r.installerSSH(s)
	}
	if n, ok := f["network"]; ok {
		r.network(n)
	}
	if t, ok := f["timezone"]; ok {
		r.Text(t, "timezone")
	}
}

const noInstaller = "it steers Ubuntu's installer, which does not run here"

var installerFields = field.Known{"version": noInstaller, "network": "", "ssh": "", "user_data": "", "identity": "", "timezone": "",
	"late_commands": noInstaller + "; use first_run_cmd", "early_commands": noInstaller + "; use boot_cmd", "error_commands": noInstaller,
	"storage": noInstaller + "; the image has its own partitions", "packages": noPackages, "snaps": noPackages, "apt": noPackages, "drivers": noInstaller,
	"locale": "there is one locale, C with UTF-8", "keyboard": "the console has the kernel's keyboard layout, US", "source": noInstaller, "kernel": noInstaller,
	"updates": noInstaller, "shutdown": noInstaller, "refresh_installer": noInstaller, "interactive_sections": noInstaller, "codecs": noPackages,
	"proxy": "use environment", "debconf_selections": noPackages, "oem": noInstaller, "active_directory": noInstaller, "ubuntu_pro": subscription,
	"reporting": "use phone_home", "zdevs": noInstaller, "kernel_crash_dumps": noInstaller}

func (r *reader) identity(n *yaml.Node) {
	f := r.Fields(n, "autoinstall.identity", field.Known{"hostname": "", "username": "", "password": "", "realname": ""})
	if h, ok := f["hostname"]; ok {
		r.hostname(h)
	}
	name, _ := draft.String(f["username"].Value)
	if name == "" {
		return
	}
	u := r.Account(f["username"].Value, name)
	draft.Put(u, draft.Bool(f["username"].Value, true), "admin")
	if p, ok := f["realname"]; ok {
		r.Describe(u, map[string]draft.Pair{"gecos": p})
	}
	if p, ok := f["password"]; ok {
		r.Password(u, map[string]draft.Pair{"passwd": p}, false)
	}
}

func (r *reader) installerSSH(p draft.Pair) {
	f := r.Fields(p.Value, "autoinstall.ssh", field.Known{"install_server": "", "authorized_keys": "", "allow_pw": ""})
	id, _ := draft.String(draft.Resolved(draft.Get(draft.Resolved(r.installer("identity")), "username")))
	if keys, ok := f["authorized_keys"]; ok {
		for _, k := range r.Keys(keys.Value) {
			if id == "" {
				r.Append(k, "ssh_authorized_keys")
				continue
			}
			r.Give(r.Account(k, id), k)
		}
	}
	if pw, ok := f["allow_pw"]; ok {
		r.passwordLogin(pw)
	}
}

// installer returns a value of autoinstall.
func (r *reader) installer(name string) *yaml.Node {
	p, _ := r.get("autoinstall")
	return draft.Resolved(draft.Get(p.Value, name))
}
