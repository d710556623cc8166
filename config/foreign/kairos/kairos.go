// Package kairos translates documents of Kairos: its own sections, the stages of yip, and the keys that it has from
// cloud-init. It renders no templates.
package kairos

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/account"
	"github.com/proa-os/proa/config/foreign/cloudinit"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/k3sargs"
)

// section is a top-level key of Kairos: it is translated, or has a note.
type section struct {
	name string
	read func(*draft.Draft, draft.Pair)
	note string // why it has no effect, and the way to get it
}

const (
	noPeers     = "there is no peer-to-peer network; a node joins by k3s.server_url and k3s.token"
	noInstaller = "it steers Kairos' installer; this system's image is written to the disk"
	noBundles   = "put what it brings into manifests below /var/lib/rancher/k3s/server/manifests"
)

// sections are all of them, in the order in which they take effect: the accounts before files that may be theirs.
var sections = []section{
	{name: "users", read: func(d *draft.Draft, p draft.Pair) { account.Accounts(d, p.Value, false) }},
	{name: "k3s", read: server},
	{name: "k3s_agent", read: agent},
	{name: "stages", read: stages},
	{name: "install", read: install},
	{name: "reset", note: noInstaller},
	{name: "upgrade", note: "upgrade with proa upgrade"},
	{name: "p2p", note: noPeers},
	{name: "kairos", note: noPeers},
	{name: "vpn", note: noPeers},
	{name: "bundles", note: noBundles},
	{name: "k0s", note: "the Kubernetes of this system is K3s; use k3s"},
	{name: "k0s_worker", note: "the Kubernetes of this system is K3s; use k3s"},
	{name: "fail_on_bundles_errors", note: noBundles},
	{name: "config_url", read: func(d *draft.Draft, p draft.Pair) { d.Set(p.Value, "config", "url") }},
	{name: "name", note: "a name of the document has no effect"},
	{name: "options", note: noInstaller},
	{name: "grub_options", note: "the boot loader is written with the image"},
	{name: "kcrypt", note: "the data partition is not encrypted"},
	{name: "strict", note: "keys that are not known are always named"},
	{name: "debug", note: "logs are read with proa logs"},
	{name: "auto", note: noInstaller},
	{name: "cloud_init_paths", note: "documents are read where this system has them"},
	{name: "ephemeral_mounts", note: "the root is read-only; /var, /home, /opt and /root are kept"},
	{name: "bind_mounts", note: "the root is read-only; /var, /home, /opt and /root are kept"},
}

// Translate translates a document. Keys that are not Kairos' own are those of cloud-init.
func Translate(d *draft.Draft, doc *yaml.Node) {
	doc = draft.Resolved(doc)
	if doc.Kind != yaml.MappingNode {
		d.Refuse(doc, "want key: value pairs")
		return
	}
	var rest, own []draft.Pair
	for _, p := range d.Pairs(doc) {
		p.Key = field.Normal(p.Key)
		if slices.ContainsFunc(sections, func(s section) bool { return s.name == p.Key }) {
			own = append(own, p)
		} else {
			rest = append(rest, p)
		}
	}
	for _, s := range sections {
		i := slices.IndexFunc(own, func(p draft.Pair) bool { return p.Key == s.name })
		switch {
		case i < 0 || draft.IsNull(own[i].Value):
		case s.read != nil:
			s.read(d, own[i])
		case !field.Nothing(own[i].Value):
			d.Note(own[i].At, "%s: %s", s.name, s.note)
		}
	}
	cloudinit.Keys(d, rest)
}

// server is the section k3s, which the schema has too, with other keys.
func server(d *draft.Draft, p draft.Pair) {
	runtime(d, p)
	if d.Get("k3s", "server_url") != nil && d.Get("k3s", "role") == nil {
		d.Note(p.At, "k3s: a cluster has one server in this release; the node joins it as an agent")
	}
}

func agent(d *draft.Draft, p draft.Pair) {
	runtime(d, p)
	if on, ok := draft.Truth(draft.Get(p.Value, "enabled")); ok && on {
		d.Set(draft.Bool(p.At, true), "k3s", "enabled")
		d.Set(draft.Text(p.At, "agent"), "k3s", "role")
	}
}

// runtimeFields are the keys of k3s and k3s-agent; those of the schema are taken as they are.
var runtimeFields = field.Known{"enabled": "", "args": "", "env": "", "replace_args": "arguments are always those of this document",
	"replace_env": "variables are always those of this document", "embedded_registry": "use a mirror in /etc/rancher/k3s/registries.yaml",
	"role": "", "server_url": "", "token": "", "labels": "", "taints": ""}

func runtime(d *draft.Draft, p draft.Pair) {
	f := (field.Reader{Draft: d}).Fields(p.Value, p.Key, runtimeFields)
	if on, ok := f["enabled"]; ok {
		if truth, known := draft.Truth(on.Value); known {
			d.Set(draft.Bool(on.Value, truth), "k3s", "enabled")
		} else {
			d.Refuse(on.Value, "%s: enabled: want true or false", p.Key)
		}
	}
	for _, key := range []string{"role", "server_url", "token", "labels", "taints"} {
		if own, ok := f[key]; ok {
			d.Set(own.Value, "k3s", key)
		}
	}
	if env, ok := f["env"]; ok {
		variables(d, env.Value)
	}
	if args, ok := f["args"]; ok {
		k3sargs.Add(d, d.Items(args.Value))
	}
}

// variables: some of K3s are flags; others, such as those of a proxy, are for its processes.
func variables(d *draft.Draft, env *yaml.Node) {
	for _, v := range d.Pairs(env) {
		s, ok := draft.String(v.Value)
		switch {
		case !ok:
			d.Refuse(v.Value, "k3s: env: want text")
		case v.Key == "K3S_TOKEN":
			d.Set(draft.Text(v.Value, s), "k3s", "token")
		case v.Key == "K3S_URL":
			d.Set(draft.Text(v.Value, s), "k3s", "server_url")
		case strings.HasPrefix(v.Key, "K3S_"):
			d.Note(v.At, "k3s: env: of the variables of K3s only K3S_TOKEN and K3S_URL are read; use a flag in k3s.args")
		default:
			d.Set(draft.Text(v.Value, s), "environment", v.Key)
		}
	}
}
