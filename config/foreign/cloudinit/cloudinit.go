// Package cloudinit translates cloud-init's cloud-config to the schema. It knows every top-level key of cloud-init 26
// (schema-cloud-config-v1.json) and of the documents that people write around it: each is translated, or named with the
// reason and the way to get what it is for. It renders no templates, fetches nothing, and runs nothing.
package cloudinit

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/account"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/missing"
)

// reader is a document while it is being translated.
type reader struct {
	account.Reader
	pairs []draft.Pair
}

// Translate translates a document.
func Translate(d *draft.Draft, doc *yaml.Node) {
	doc = draft.Resolved(doc)
	if doc == nil || draft.IsNull(doc) {
		return
	}
	if doc.Kind != yaml.MappingNode {
		d.Refuse(doc, "want key: value pairs")
		return
	}
	missing.Drop(d, doc)
	Keys(d, d.Pairs(doc))
}

// Keys translates top-level keys of a document; Knows says which they may be. Keys that belong together, such as those
// about accounts, are to be given together.
func Keys(d *draft.Draft, pairs []draft.Pair) {
	r := &reader{Reader: account.New(d)}
	for _, p := range pairs {
		p.Key = field.Normal(p.Key)
		r.pairs = append(r.pairs, p)
	}
	for _, k := range keys { // in the table's order, because what is written last counts
		if p, ok := r.get(k.name); ok {
			r.key(k, p)
		}
	}
	if data := r.installer("user-data"); data != nil && data.Kind == yaml.MappingNode {
		Keys(d, d.Pairs(data))
	}
	for _, p := range r.pairs {
		switch {
		case slices.Contains(ours, p.Key):
			r.Set(p.Value, p.Key)
		case !Knows(p.Key):
			r.Unknown(p, "", known())
		}
	}
}

// ours are keys of the schema that cloud-init does not have: people add them to the document that they have.
var ours = strings.Fields("boot_cmd environment first_run_cmd health k3s modules power run_cmd sysctls")

// key translates or names one key.
func (r *reader) key(k key, p draft.Pair) {
	switch {
	case k.read != nil && !draft.IsNull(p.Value):
		k.read(r, p)
	case k.note != "" && (k.always || !field.Nothing(p.Value)):
		r.Note(p.At, "%s: %s", k.name, k.note)
	}
}

// Knows says whether a key is one of a cloud-config.
func Knows(name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return k.name == field.Normal(name) })
}

// known are the keys that may have been meant, with the reason if they have no effect.
func known() map[string]string {
	out := map[string]string{}
	for _, k := range keys {
		out[k.name] = k.note
	}
	for _, name := range ours {
		out[name] = ""
	}
	return out
}

func (r *reader) get(name string) (draft.Pair, bool) {
	i := slices.IndexFunc(r.pairs, func(p draft.Pair) bool { return p.Key == name })
	if i < 0 {
		return draft.Pair{}, false
	}
	return r.pairs[i], true
}
