package k3os

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/ifupdown"
	"github.com/proa-os/proa/config/foreign/k3sargs"
	"github.com/proa-os/proa/config/foreign/nodename"
	"github.com/proa-os/proa/config/foreign/paths"
)

// top are the keys at the top. Some people write keys of the section there, which k3OS dropped without a word; they are
// taken.
var top = []key{
	{"ssh_authorized_keys", list("ssh_authorized_keys"), ""},
	{"write_files", files, ""},
	{"hostname", hostname, ""},
	{"init_cmd", early, ""},
	{"boot_cmd", commands("boot_cmd"), ""},
	{"run_cmd", commands("run_cmd"), ""},
	{"ntp_servers", list("ntp", "servers"), ""},
	{"dns_nameservers", nameservers, ""},
	{"k3s_args", args, ""},
}

// section are the keys below k3os.
var section = []key{
	{"data_sources", dataSources, ""},
	{"modules", list("modules"), ""},
	{"sysctls", pairs("sysctls"), ""},
	{"ntp_servers", list("ntp", "servers"), ""},
	{"dns_nameservers", nameservers, ""},
	{"wifi", wifi, ""},
	{"password", password, ""},
	{"server_url", text("k3s", "server_url"), ""},
	{"token", text("k3s", "token"), ""},
	{"labels", pairs("k3s", "labels"), ""},
	{"taints", list("k3s", "taints"), ""},
	{"k3s_args", args, ""},
	{"environment", environment, ""},
	{"install", install, ""},
	{"upgrade", nil, "a new system is written with proa slot write"},
	{"mode", nil, "the mode is chosen by the image: disk or live"},
	{"version", nil, "the version is the image's"},
}

// list appends the entries of a list, or the only one, to a list of the schema. One entry may hold several keys.
func list(path ...string) func(reader, draft.Pair) {
	return func(r reader, p draft.Pair) {
		for _, item := range r.Items(p.Value) {
			s, ok := draft.String(item)
			switch {
			case !ok:
				r.Refuse(item, "%s: want text", path[len(path)-1])
			case strings.TrimSpace(s) != "":
				r.Append(draft.Text(item, s), path...)
			}
		}
	}
}

// commands are a list of which those that set up an interface, by a program that is not here, become its settings.
func commands(key string) func(reader, draft.Pair) {
	return func(r reader, p draft.Pair) {
		rest := draft.List(p.Value)
		for _, item := range r.Items(p.Value) {
			if s, ok := draft.String(item); !ok || !ifupdown.Command(r.Draft, s, item) {
				rest.Content = append(rest.Content, item)
			}
		}
		p.Value = rest
		list(key)(r, p)
	}
}

func text(path ...string) func(reader, draft.Pair) {
	return func(r reader, p draft.Pair) {
		s, ok := draft.String(p.Value)
		switch {
		case !ok:
			r.Refuse(p.Value, "%s: want text", path[len(path)-1])
		case strings.TrimSpace(s) != "":
			r.Set(draft.Text(p.Value, s), path...)
		}
	}
}

// pairs sets the entries of a map of the schema. Values are text, however they are written.
func pairs(path ...string) func(reader, draft.Pair) {
	return func(r reader, p draft.Pair) {
		for _, e := range r.Pairs(p.Value) {
			s, ok := draft.String(e.Value)
			if !ok {
				r.Refuse(e.Value, "%s: want text", path[len(path)-1])
				continue
			}
			r.Set(draft.Text(e.Value, s), append(path[:len(path):len(path)], e.Key)...)
		}
	}
}

func hostname(r reader, p draft.Pair) {
	if s, ok := draft.String(p.Value); ok {
		nodename.Set(r.Draft, p.Value, s)
		return
	}
	r.Refuse(p.Value, "hostname: want text")
}

// early are the commands of k3OS's initrd. They run with the first ones here: the initramfs has no shell.
func early(r reader, p draft.Pair) {
	if len(r.Items(p.Value)) == 0 {
		return
	}
	r.Note(p.At, "init_cmd: run before boot_cmd, once the data partition is there: the initramfs has no shell")
	mine := draft.List(p.Value)
	if old := r.Get("boot_cmd"); old != nil {
		defer func() { mine.Content = append(mine.Content, old.Content...) }()
	}
	r.Set(mine, "boot_cmd")
	for _, item := range r.Items(p.Value) {
		if s, ok := draft.String(item); ok {
			mine.Content = append(mine.Content, draft.Text(item, s))
		}
	}
}

// nameservers are at most the three that resolv.conf(5) permits.
func nameservers(r reader, p draft.Pair) {
	items := r.Items(p.Value)
	if len(items) > 3 {
		r.Note(items[3], "dns_nameservers: three are used; the last %d are left out", len(items)-3)
		items = items[:3]
	}
	p.Value = &yaml.Node{Kind: yaml.SequenceNode, Content: items, Line: p.Value.Line, Column: p.Value.Column}
	list("network", "dns")(r, p)
}

// services are k3OS's names of clouds whose metadata service is asked here too.
var services = map[string]string{"aws": "ec2", "gcp": "gce", "openstack": "openstack", "hetzner": "hetzner", "digitalocean": "digitalocean", "scaleway": "scaleway", "vultr": "vultr"}

// dataSources are media and clouds.
func dataSources(r reader, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		s, _ := draft.String(item)
		s = strings.ToLower(s)
		if name := services[s]; name != "" {
			r.Append(draft.Text(item, name), "data_sources")
		}
		switch {
		case s == "cdrom":
			r.Append(draft.Text(item, "nocloud"), "data_sources")
			r.Append(draft.Text(item, "config-drive"), "data_sources")
		case s == "openstack":
			r.Append(draft.Text(item, "config-drive"), "data_sources")
		case s == "packet":
			r.Note(item, "data_sources: packet, later Equinix Metal, does not exist any more")
		case s != "" && services[s] == "":
			r.Note(item, "data_sources: not a source of k3OS; it has no effect")
		}
	}
}

// wifi are networks; k3OS takes pass and password for passphrase too.
func wifi(r reader, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		out := draft.Map(item)
		for _, e := range r.Pairs(item) {
			switch strings.ToLower(e.Key) {
			case "name", "ssid":
				draft.Put(out, e.Value, "name")
			case "passphrase", "pass", "password", "psk":
				draft.Put(out, e.Value, "passphrase")
			default:
				r.Note(e.At, "wifi: a key that k3OS does not know; it has no effect")
			}
		}
		r.Append(out, "network", "wifi")
	}
}

func args(r reader, p draft.Pair) { k3sargs.Add(r.Draft, r.Items(p.Value)) }

// environment has variables of all programs; those by which K3s is told to join are its own settings.
func environment(r reader, p draft.Pair) {
	for _, e := range r.Pairs(p.Value) {
		s, ok := draft.String(e.Value)
		switch key := k3sargs.Variables[strings.ToUpper(e.Key)]; {
		case !ok:
			r.Refuse(e.Value, "environment: want text")
		case key != "" && r.Get("k3s", key) == nil:
			r.Set(draft.Text(e.Value, s), "k3s", key)
		case key != "":
		case strings.EqualFold(e.Key, "TZ"):
			r.Set(draft.Text(e.Value, s), "timezone")
		default:
			r.Set(draft.Text(e.Value, s), "environment", e.Key)
		}
	}
}

// files are written at every boot, as k3OS does.
func files(r reader, p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		e := paths.Entry{At: item}
		for _, f := range r.Pairs(item) {
			r.part(&e, f)
		}
		paths.Write(r.Draft, e)
	}
}

func (r reader) part(e *paths.Entry, f draft.Pair) {
	if draft.IsNull(f.Value) {
		return
	}
	switch plain(f.Key) {
	case "path":
		e.Path = f.Value
	case "content":
		e.Content = f.Value
	case "encoding":
		e.Encoding = f.Value
	case "owner":
		e.Owner = f.Value
	case "permission":
		if s, ok := draft.String(f.Value); !ok || strings.TrimSpace(s) != "" {
			e.Permission = f.Value
		}
	case "append":
		e.Append, _ = draft.Truth(f.Value)
	case "defer":
		e.Defer, _ = draft.Truth(f.Value)
	default:
		r.unknown(f, "write_files", []string{"append", "content", "defer", "encoding", "owner", "path", "permissions"})
	}
}
