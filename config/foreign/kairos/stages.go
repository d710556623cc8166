package kairos

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/account"
	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/nodename"
	"github.com/proa-os/proa/config/foreign/paths"
)

// when says which list of commands a stage's are, by the first word of its name. A stage runs at every boot.
var when = map[string]string{"rootfs": "boot_cmd", "initramfs": "boot_cmd", "boot": "boot_cmd", "fs": "boot_cmd", "kernel": "boot_cmd",
	"network": "run_cmd", "reconcile": "run_cmd", "provider-kairos": "run_cmd"}

// step reads one step of a stage.
type step struct {
	account.Reader
	list string // of commands
	cond string // command that must succeed before each of the commands
}

const (
	noUnits    = "there is no systemd; run services as pods, by manifests below /var/lib/rancher/k3s/server/manifests"
	noLayout   = "disks are not partitioned; do it once in first_run_cmd (fdisk, mkfs.ext4)"
	noDownload = "not fetched; write the content with files, or fetch it in run_cmd with wget -O"
	noPackages = "there are no packages, the root is read-only; build programs into the image, or run them as pods"
	every      = "has no effect; the step is for every machine that reads the document"
)

// stepFields are the keys of a step of yip, and of those that people add.
var stepFields = field.Known{"name": "", "commands": "", "files": "", "directories": "", "if": "", "dns": "", "hostname": "", "sysctl": "",
	"authorized_keys": "", "users": "", "modules": "", "environment": "", "timesyncd": "", "systemd_firstboot": "", "only_os": "",
	"downloads": noDownload, "git": noDownload, "unpack_images": noDownload, "datasource": "user data is read where this system finds it",
	"ensure_entities": "use users", "delete_entities": "an account that is not in users does not exist", "node": every,
	"systemctl": noUnits, "environment_file": "variables of environment are for all programs", "package_pins": noPackages, "packages": noPackages,
	"after": "steps run in the order of the document", "layout": noLayout, "only_os_version": every, "only_arch": every,
	"only_service_manager": every, "if_files": every}

// stages translates all steps of all stages.
func stages(d *draft.Draft, p draft.Pair) {
	if p.Value.Kind != yaml.MappingNode {
		d.Refuse(p.Value, "stages: want key: value pairs")
		return
	}
	for _, stage := range d.Pairs(p.Value) {
		first, _, _ := strings.Cut(stage.Key, ".")
		list := when[first]
		if list == "" {
			d.Note(stage.At, "stages: a stage of the installer or of an upgrade, or one that is not known; it has no effect")
			continue
		}
		if first == "reconcile" {
			d.Note(stage.At, "stages: reconcile: runs once after each boot; to repeat something use a CronJob")
		}
		for _, n := range d.Items(stage.Value) {
			s := step{Reader: account.New(d), list: list}
			s.read(n)
		}
	}
}

// read translates a step. The order is that in which later keys may need earlier ones.
func (s step) read(n *yaml.Node) {
	f := s.Fields(n, "stages", stepFields)
	if os, ok := f["only_os"]; ok {
		s.Note(os.At, "stages: only_os: the step is for another system; it is left out")
		return
	}
	if c, ok := f["if"]; ok {
		s.cond, _ = draft.String(c.Value)
	}
	for _, part := range []struct {
		key  string
		read func(step, draft.Pair)
	}{
		{"users", step.users}, {"authorized_keys", step.keys}, {"hostname", step.hostname}, {"sysctl", step.sysctls}, {"modules", step.modules},
		{"environment", step.environment}, {"dns", step.dns}, {"timesyncd", step.time}, {"systemd_firstboot", step.firstBoot},
		{"directories", step.directories}, {"files", step.files}, {"commands", step.commands},
	} {
		if p, ok := f[part.key]; ok {
			part.read(s, p)
		}
	}
	if _, commands := f["commands"]; s.cond != "" && (!commands || len(f) > 3) {
		s.Note(f["if"].At, "stages: if: is asked for commands only; the rest of the step holds always")
	}
}

func (s step) users(p draft.Pair) { account.Accounts(s.Draft, p.Value, false) }

// keys makes the accounts that are named, except root.
func (s step) keys(p draft.Pair) {
	for _, u := range s.Pairs(p.Value) {
		for _, k := range s.Keys(u.Value) {
			if u.Key == "root" {
				s.Append(k, "ssh_authorized_keys")
				continue
			}
			s.Give(s.Account(u.At, u.Key), k)
		}
	}
}

func (s step) hostname(p draft.Pair) {
	name, ok := draft.String(p.Value)
	if !ok {
		s.Refuse(p.Value, "stages: hostname: want a name; one that begins with { needs quotes")
		return
	}
	nodename.Set(s.Draft, p.Value, name)
}

func (s step) sysctls(p draft.Pair)     { s.texts(p, "sysctls") }
func (s step) environment(p draft.Pair) { s.texts(p, "environment") }

// texts sets the entries of a map.
func (s step) texts(p draft.Pair, key string) {
	for _, e := range s.Pairs(p.Value) {
		if text, ok := draft.String(e.Value); ok {
			s.Set(draft.Text(e.Value, text), key, e.Key)
		} else {
			s.Refuse(e.Value, "stages: %s: want text", p.Key)
		}
	}
}

func (s step) modules(p draft.Pair) { s.Texts(p.Value, "\n", "stages: modules", "modules") }

func (s step) dns(p draft.Pair) {
	f := s.Fields(p.Value, "dns", field.Known{"nameservers": "", "search": "", "options": "the resolver's options are fixed", "path": "the file is /etc/resolv.conf"})
	if n, ok := f["nameservers"]; ok {
		s.Texts(n.Value, ", ", "dns", "network", "dns")
	}
	if n, ok := f["search"]; ok {
		s.Texts(n.Value, ", ", "dns", "network", "search")
	}
}

// time reads settings of systemd-timesyncd.
func (s step) time(p draft.Pair) {
	const fixed = "the client is a part of the system"
	f := s.Fields(p.Value, "timesyncd", field.Known{"NTP": "", "FallbackNTP": "", "RootDistanceMaxSec": fixed, "PollIntervalMinSec": fixed,
		"PollIntervalMaxSec": fixed, "ConnectionRetrySec": fixed, "SaveIntervalSec": fixed})
	for _, key := range []string{"NTP", "FallbackNTP"} {
		if n, ok := f[key]; ok {
			s.Texts(n.Value, ", ", "timesyncd", "ntp", "servers")
		}
	}
}

// firstBoot reads the options of systemd-firstboot(1).
func (s step) firstBoot(p draft.Pair) {
	const locale = "there is one locale, C with UTF-8"
	f := s.Fields(p.Value, "systemd_firstboot", field.Known{"timezone": "", "hostname": "", "locale": locale, "locale_messages": locale,
		"keymap": "the console has the kernel's keyboard layout, US", "root_password": "use users", "root_password_hashed": "use users", "machine_id": "the first boot makes it"})
	if t, ok := f["timezone"]; ok {
		s.Text(t, "timezone")
	}
	if h, ok := f["hostname"]; ok {
		s.hostname(h)
	}
}

// commands runs each by itself, as yip does.
func (s step) commands(p draft.Pair) {
	for _, c := range command.Lines(s.Draft, "commands", p.Value) {
		command.Note(s.Draft, c.At, "commands", c.Text)
		if command.Script(s.Draft, c.At, c.Text) {
			s.Append(draft.Text(c.At, s.guarded(c.Text)), s.list)
		}
	}
}

func (s step) guarded(text string) string {
	if s.cond == "" {
		return text
	}
	return "if " + s.cond + "\nthen\n" + text + "\nfi"
}

// directories are made before the network in any case, because files of the user may be below them.
func (s step) directories(p draft.Pair) {
	for _, n := range s.Items(p.Value) {
		f := s.Fields(n, "directories", field.Known{"path": "", "permissions": "", "owner": "", "group": "", "ownerstring": ""})
		dir, _ := draft.String(f["path"].Value)
		if dir == "" {
			s.Refuse(n, "directories: an entry without a path")
			continue
		}
		word := command.Quote(dir)
		line := "mkdir -p " + word
		if m, ok := f["permissions"]; ok {
			if mode := paths.Permissions(s.Draft, m.Value); mode != "" {
				line += " && chmod " + command.Quote(mode) + " " + word
			}
		}
		if o := owner(f); o != "" {
			line += " && chown " + command.Quote(o) + " " + word
		}
		s.Append(draft.Text(n, line), "boot_cmd")
	}
}

func (s step) files(p draft.Pair) {
	for _, n := range s.Items(p.Value) {
		f := s.Fields(n, "files", field.Known{"path": "", "content": "", "encoding": "", "permissions": "", "owner": "", "group": "", "ownerstring": ""})
		if len(f) == 0 {
			continue
		}
		e := paths.Entry{At: n, Path: f["path"].Value, Content: f["content"].Value, Encoding: f["encoding"].Value, Permission: f["permissions"].Value}
		if o := owner(f); o != "" {
			e.Owner = draft.Text(n, o)
		}
		paths.Write(s.Draft, e)
	}
}

// owner joins owner and group, which are numbers in yip, and names in ownerstring.
func owner(f map[string]draft.Pair) string {
	if o, _ := draft.String(f["ownerstring"].Value); o != "" {
		return o
	}
	user, _ := draft.String(f["owner"].Value)
	group, _ := draft.String(f["group"].Value)
	switch {
	case user == "" && group == "":
		return ""
	case group == "":
		return user
	case user == "":
		user = "0"
	}
	return user + ":" + group
}
