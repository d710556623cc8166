// Package k3sargs translates arguments of K3s, as other systems' documents have them, into the k3s section. It refuses
// what is no flag of K3s; a flag of K3s that the runtime does not have is named with the reason.
package k3sargs

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/k3sflags"
)

// Add translates a list of arguments. A flag and its value may be one entry, joined by = or a blank, or two entries; the
// first entry may be the role.
func Add(d *draft.Draft, args []*yaml.Node) {
	list := words(args)
	for i := 0; i < len(list); i++ {
		w := list[i]
		name, value, given := w.flag()
		switch {
		case i == 0 && (w.text == "server" || w.text == "agent"):
			d.Set(draft.Text(w.at, w.text), "k3s", "role")
			continue
		case name == "":
			d.Refuse(w.at, "k3s: an argument that is no flag and belongs to none")
			continue
		}
		if !given && !isSwitch(name) && i+1 < len(list) && !strings.HasPrefix(list[i+1].text, "-") {
			i++
			value, given = list[i].text, true
			if strings.HasSuffix(name, "-arg") && !strings.Contains(value, "=") && i+1 < len(list) && !strings.HasPrefix(list[i+1].text, "-") {
				i++ // FLAG VALUE in two entries, as an argument of an argument
				value += "=" + list[i].text
			}
		}
		Flag(d, w.at, name, value, given)
	}
}

// Variables are the variables by which K3s is told to join, with the keys of the k3s section that they are here.
var Variables = map[string]string{"K3S_URL": "server_url", "K3S_TOKEN": "token", "K3S_CLUSTER_SECRET": "token"}

// word is one argument with its place.
type word struct {
	text string
	at   *yaml.Node
}

func words(args []*yaml.Node) (out []word) {
	for _, a := range args {
		text, ok := draft.String(a)
		if text = strings.TrimSpace(text); !ok || text == "" {
			continue
		}
		name, value, blank := strings.Cut(text, " ")
		if blank && strings.HasPrefix(name, "-") && !strings.Contains(name, "=") {
			text = name + "=" + strings.TrimSpace(value)
		}
		out = append(out, word{strings.ReplaceAll(text, "\"", ""), a})
	}
	return out
}

// short are the flags of one letter.
var short = map[string]string{"c": "config", "d": "data-dir", "t": "token", "s": "server", "o": "write-kubeconfig", "v": "v"}

// flag takes an argument apart. name is empty if it is none; one without dashes is taken for a flag if K3s has it.
func (w word) flag() (name, value string, given bool) {
	name, value, given = strings.Cut(strings.TrimLeft(w.text, "-"), "=")
	name = strings.TrimSpace(name)
	if long := short[name]; long != "" && strings.HasPrefix(w.text, "-") {
		name = long
	}
	if !strings.HasPrefix(w.text, "-") && !known(name) {
		return "", "", false
	}
	return name, value, given
}

func known(name string) bool {
	_, ours := k3sflags.Named(name)
	_, ofK3s := k3sflags.Instead(name)
	return ours || ofK3s || k3sflags.Granted(name) || renamed[name] != nil
}

// isSwitch says whether a flag has no value.
func isSwitch(name string) bool {
	f, ours := k3sflags.Named(name)
	return ours && f.Type == "bool" || k3sflags.Granted(name) || switches[name]
}

// switches are flags of K3s without a value that the runtime does not have.
var switches = map[string]bool{"cluster-init": true, "cluster-reset": true, "debug": true, "disable-apiserver": true,
	"disable-controller-manager": true, "disable-default-registry-endpoint": true, "disable-kube-proxy": true,
	"disable-scheduler": true, "docker": true, "embedded-registry": true, "enable-pprof": true,
	"etcd-disable-snapshots": true, "etcd-expose-metrics": true, "etcd-s3": true, "etcd-s3-insecure": true,
	"etcd-s3-skip-ssl-verify": true, "etcd-snapshot-compress": true, "flannel-external-ip": true,
	"flannel-ipv6-masq": true, "no-flannel": true, "nonroot-devices": true, "prefer-bundled-bin": true, "rootless": true, "secrets-encryption": true, "selinux": true,
	"supervisor-metrics": true, "with-node-id": true, "alsologtostderr": true, "kine-tls": true}

// renamed are flags whose effect the runtime has under another name.
var renamed = map[string]func(d *draft.Draft, at *yaml.Node, value string){
	"no-deploy":           to("disable"),
	"no-flannel":          func(d *draft.Draft, at *yaml.Node, _ string) { arg(d, at, "flannel-backend", "none") },
	"kube-controller-arg": to("kube-controller-manager-arg"),
	"server":              func(d *draft.Draft, at *yaml.Node, value string) { d.Set(draft.Text(at, value), "k3s", "server_url") },
	"token":               func(d *draft.Draft, at *yaml.Node, value string) { d.Set(draft.Text(at, value), "k3s", "token") },
	"cluster-secret":      func(d *draft.Draft, at *yaml.Node, value string) { d.Set(draft.Text(at, value), "k3s", "token") },
}

func to(flag string) func(*draft.Draft, *yaml.Node, string) {
	return func(d *draft.Draft, at *yaml.Node, value string) { arg(d, at, flag, value) }
}

func arg(d *draft.Draft, at *yaml.Node, name, value string) {
	d.Append(draft.Text(at, "--"+name+"="+value), "k3s", "args")
}

// Flag translates one flag. given says whether it has a value.
func Flag(d *draft.Draft, at *yaml.Node, name, value string, given bool) {
	if move := renamed[name]; move != nil {
		move(d, at, value)
		return
	}
	f, ours := k3sflags.Named(name)
	instead, ofK3s := k3sflags.Instead(name)
	switch {
	case !ours && ofK3s:
		d.Note(at, "--%s has no effect: %s", name, instead)
	case name == "config":
		d.Note(at, "--config has no effect: the runtime's file is written from this document")
	case given:
		arg(d, at, name, value)
	case ours && f.Type != "bool":
		d.Note(at, "--%s has no value, and no effect", name)
	default:
		d.Append(draft.Text(at, "--"+name), "k3s", "args") // the schema's check says what is wrong with an unknown one
	}
}
