package cloudinit

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/netplan"
	"github.com/proa-os/proa/config/foreign/netv1"
	"github.com/proa-os/proa/config/foreign/paths"
)

// fileFields are the keys of an entry of write_files. permission and mode are slips that leave a private file readable
// for everybody, so they are read.
var fileFields = field.Known{"path": "", "content": "", "encoding": "", "owner": "", "permissions": "", "append": "", "defer": "", "source": "",
	"permission": "", "mode": ""}

func (r *reader) writeFiles(p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		r.writeFile(item)
	}
}

func (r *reader) writeFile(n *yaml.Node) {
	f := r.Fields(n, "write_files", fileFields)
	if len(f) == 0 {
		return
	}
	e := paths.Entry{At: n, Path: f["path"].Value, Content: f["content"].Value, Encoding: f["encoding"].Value, Owner: f["owner"].Value,
		Permission: f["permissions"].Value, Append: r.truth(f["append"]), Defer: r.truth(f["defer"])}
	for _, slip := range []string{"permission", "mode"} {
		if p, ok := f[slip]; ok && e.Permission == nil {
			r.Note(p.At, "write_files: %s: read as permissions, which is the key", slip)
			e.Permission = p.Value
		}
	}
	if source, ok := f["source"]; ok && e.Content == nil {
		r.sourced(source, e)
		return
	}
	paths.Write(r.Draft, e)
}

// sourced: content from elsewhere is not fetched.
func (r *reader) sourced(source draft.Pair, e paths.Entry) {
	file, _ := draft.String(e.Path)
	if !paths.Named(r.Draft, file, source.At) {
		r.Note(source.At, "write_files: source: not fetched, the file is not written; write its content, or fetch it in run_cmd with wget -O")
	}
}

func (r *reader) truth(p draft.Pair) bool {
	if p.Value == nil {
		return false
	}
	truth, ok := draft.Truth(p.Value)
	if !ok {
		r.Refuse(p.Value, "%s: want true or false", p.Key)
	}
	return truth
}

// network: cloud-init itself does not read it in a document of user data; people write it all the same. What is neither
// netplan's nor of version 1 is taken for the schema's own section.
func (r *reader) network(p draft.Pair) {
	switch {
	case netv1.Is(p.Value):
		netv1.Translate(r.Draft, p.Value)
	case netplan.Is(p.Value):
		netplan.Translate(r.Draft, p.Value)
	default:
		r.Set(p.Value, "network")
	}
}
