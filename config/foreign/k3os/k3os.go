// Package k3os translates k3OS's configuration to the schema. It knows every key of k3OS's struct (pkg/config/config.go
// of rancher/k3os), in every spelling that k3OS took: snake case and camel case, one and several. It refuses nothing that
// k3OS took.
package k3os

import (
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/rule"
)

// reader is a document while it is being translated.
type reader struct{ *draft.Draft }

// key is a key of k3OS: how it is read, or why it has no effect.
type key struct {
	name string
	read func(r reader, p draft.Pair)
	note string
}

// IsSection says whether a top-level key is the one below which k3OS's own keys are; people write it in several ways, and
// proa is its other name.
func IsSection(name string) bool {
	return strings.EqualFold(name, "k3os") || name == "proa"
}

// Translate translates the keys that are k3OS's, and returns the others of the top level.
func Translate(d *draft.Draft, doc *yaml.Node) (others []draft.Pair) {
	r := reader{d}
	for _, p := range d.Pairs(doc) {
		switch k, ok := find(top, p.Key); {
		case IsSection(p.Key):
			r.section(p)
		case ok:
			r.key(k, p)
		default:
			others = append(others, p)
		}
	}
	r.account()
	return others
}

func (r reader) section(p draft.Pair) {
	if !draft.IsNull(p.Value) && p.Value.Kind != yaml.MappingNode {
		r.Refuse(p.Value, "k3os: want key: value pairs")
		return
	}
	for _, p := range r.Pairs(p.Value) {
		k, ok := find(slices.Concat(section, top), p.Key)
		if !ok {
			r.unknown(p, "k3os", names())
			continue
		}
		r.key(k, p)
	}
}

func (r reader) key(k key, p draft.Pair) {
	switch {
	case draft.IsNull(p.Value):
	case k.read != nil:
		k.read(r, p)
	default:
		r.Note(p.At, "%s: %s", k.name, k.note)
	}
}

// unknown names a key that nothing reads; one close to a known key is a mistake.
func (r reader) unknown(p draft.Pair, where string, known []string) {
	if r.Enough() {
		return
	}
	if n := rule.Nearest(snake(p.Key), known); n != "" {
		say := r.Refuse
		if field.Nothing(p.Value) {
			say = r.Note
		}
		say(p.At, "%s: unknown key %q; did you mean %q?", where, p.Key, n)
		return
	}
	r.Note(p.At, "%s: a key that k3OS does not know; it has no effect", where)
}

// names are those of all keys below the section.
func names() (out []string) {
	for _, k := range slices.Concat(section, top) {
		out = append(out, k.name)
	}
	return out
}

// find compares names as k3OS does: without regard to case style, and of one or several.
func find(keys []key, name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return plain(k.name) == plain(name) })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// plain is a name without what may differ between spellings.
func plain(name string) string {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(strings.TrimFunc(name, rule.Invisible)))
	if name == "k3args" {
		name = "k3sargs"
	}
	return strings.TrimSuffix(name, "s")
}

// snake writes a name in camel case with underscores.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
