package cloudinit

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

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
