// Package foreign recognises documents of other systems and has them translated to the schema. It refuses to guess
// between ours and others': a document that says `version: 1` and has none of another system's sections is ours, and read
// strictly.
package foreign

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/cloudinit"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/k3os"
	"github.com/proa-os/proa/config/foreign/k3sargs"
	"github.com/proa-os/proa/config/foreign/kairos"
	"github.com/proa-os/proa/config/foreign/metadata"
	"github.com/proa-os/proa/config/foreign/netdata"
	"github.com/proa-os/proa/config/foreign/netplan"
	"github.com/proa-os/proa/config/foreign/netv1"
)

// document is what is known about a document before it is translated.
type document struct {
	file, first string
	doc         *yaml.Node
	keys        map[string]*yaml.Node
	own         map[string]bool // top-level keys of the schema
}

// format is a kind of foreign document.
type format struct {
	name      string
	is        func(document) bool
	translate func(*draft.Draft, *yaml.Node)
}

// formats are looked at in this order.
var formats = []format{
	{"network configuration of cloud-init, version 1", isNetwork1, netv1.Translate},
	{"network_data.json of OpenStack", func(d document) bool { return netdata.Is(d.doc) }, netdata.Translate},
	{"netplan", isNetplan, netplan.Translate},
	{"meta-data", isMetaData, metaData},
	{"K3s", func(d document) bool { return k3sargs.IsFile(d.doc) }, k3sargs.File},
	{"k3OS", isK3OS, k3OS},
	{"Kairos", isKairos, kairos.Translate},
	{"cloud-config", isCloudConfig, cloudinit.Translate},
}

// Translate translates a document, whose first line and file name may tell its format; own are the top-level keys of the
// schema. It returns false for a document of ours.
func Translate(file, first string, doc *yaml.Node, own []string) (*draft.Draft, bool) {
	d := document{path.Base(file), strings.TrimSpace(first), draft.Resolved(doc), map[string]*yaml.Node{}, map[string]bool{}}
	for _, k := range own {
		d.own[k] = true
	}
	for _, p := range draft.New().Pairs(doc) {
		d.keys[p.Key] = p.Value
	}
	i := slices.IndexFunc(formats, func(f format) bool { return f.is(d) })
	if i < 0 {
		return nil, false
	}
	out := draft.New()
	formats[i].translate(out, d.doc)
	return out, true
}

// has says whether one of the keys stands at the top.
func (d document) has(keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return d.keys[k] != nil })
}

// ours says whether the document says that it is of the schema.
func (d document) ours() bool {
	v := d.keys["version"]
	return v != nil && v.Kind == yaml.ScalarNode && v.Value == "1" && !netv1.Is(d.doc)
}

// header says whether the first line is cloud-init's. Some write more than one #, or a blank.
func (d document) header() bool {
	return strings.HasPrefix(strings.ReplaceAll(d.first, " ", ""), "#") &&
		strings.HasPrefix(strings.TrimLeft(d.first, "# "), "cloud-config") && !strings.Contains(d.first, "archive")
}

// isNetwork1 is cloud-init's network configuration of version 1, bare or below network, and nothing else.
func isNetwork1(d document) bool {
	n := d.doc
	if only := d.keys["network"]; only != nil && len(d.keys) == 1 {
		n = only
	}
	return netv1.Is(n)
}

// isNetplan is a document of nothing but netplan's, of which some have the keys at the top.
func isNetplan(d document) bool {
	said := false
	for key, value := range d.keys {
		switch {
		case key == "network" && !netplan.Is(value), key != "network" && !netplan.IsKey(key):
			return false
		case key != "version":
			said = true
		}
	}
	return said
}

func isK3OS(d document) bool {
	for key := range d.keys {
		if k3os.IsSection(key) {
			return true
		}
	}
	return !d.ours() && d.has("init_cmd", "sshAuthorizedKeys", "writeFiles", "runCmd", "bootCmd", "initCmd")
}

// isKairos has one of Kairos' sections. k3s is one of the schema too; the header says whose it is, or variables in it.
func isKairos(d document) bool {
	if d.ours() {
		return false
	}
	return d.has("stages", "k3s-agent", "p2p", "kairos", "bundles") || draft.Get(d.keys["k3s"], "env") != nil ||
		d.header() && (d.has("k3s", "install", "k0s", "reset", "upgrade"))
}

// isCloudConfig has the header, or a name that only cloud-init's files have, or a key that only cloud-init knows.
func isCloudConfig(d document) bool {
	if d.ours() {
		return false
	}
	if d.header() || slices.Contains([]string{"user-data", "user_data", "vendor-data"}, d.file) {
		return true
	}
	for key := range d.keys {
		if !d.own[key] && cloudinit.Knows(key) {
			return true
		}
	}
	return false
}

// k3OS hands the keys that k3OS does not know to the reader of cloud-config, which many mix into one file.
func k3OS(d *draft.Draft, doc *yaml.Node) { cloudinit.Keys(d, k3os.Translate(d, doc)) }

// network translates what stands below the key network of a document of any format.
func network(d *draft.Draft, n *yaml.Node) {
	if netv1.Is(n) {
		netv1.Translate(d, n)
		return
	}
	netplan.Translate(d, n)
}

// isMetaData has its name on a NoCloud or ConfigDrive medium, or what only meta-data has.
func isMetaData(d document) bool {
	named := slices.Contains([]string{"meta-data", "meta_data.json"}, d.file) && !d.ours()
	return !d.header() && (named || metadata.Is(d.doc))
}

func metaData(d *draft.Draft, doc *yaml.Node) { metadata.Translate(d, doc, network) }
