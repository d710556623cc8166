// Package field reads the keys of a mapping in a foreign document by a table of what is known about them, so that none is
// passed over in silence. It never quotes a value; of keys it quotes only those that resemble known ones.
package field

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/rule"
)

// Reader reads into a draft.
type Reader struct{ *draft.Draft }

// Unknown names a key that nothing reads. One close to a known key is a mistake, unless it costs nothing: that key would
// have no effect either, or the value asks for nothing; it alone is quoted, because others may be a part of a secret.
func (r Reader) Unknown(p draft.Pair, where string, known map[string]string) {
	if r.Enough() {
		return
	}
	if n := rule.Nearest(p.Key, slices.Collect(maps.Keys(known))); n != "" {
		say := r.Refuse
		if known[n] != "" || Nothing(p.Value) {
			say = r.Note
		}
		say(p.At, "%sunknown key %q; did you mean %q?", where, p.Key, n)
		return
	}
	r.Note(p.At, "%sa key that neither cloud-init nor proa knows; it has no effect", where)
}

// Nothing says whether a value asks for nothing: false, none, an empty text or list.
func Nothing(n *yaml.Node) bool {
	if truth, ok := draft.Truth(n); ok {
		return !truth
	}
	return draft.IsNull(n) || n.Value == "" && len(n.Content) == 0
}

// Known are the keys of a mapping: "" for those that are read, a reason for those that have no effect.
type Known map[string]string

// Fields returns the pairs of a mapping by their names, and names what has no effect. where is the mapping's name.
func (r Reader) Fields(n *yaml.Node, where string, known Known) map[string]draft.Pair {
	out := map[string]draft.Pair{}
	if draft.IsNull(n) {
		return out
	}
	if n.Kind != yaml.MappingNode {
		r.Refuse(n, "%s: want key: value pairs", where)
		return out
	}
	for _, p := range r.Pairs(n) {
		p.Key = Normal(p.Key)
		switch reason, ok := known[p.Key]; {
		case !ok:
			r.Unknown(p, where+": ", known)
		case reason != "" && !Nothing(p.Value):
			r.Note(p.At, "%s.%s: %s", where, p.Key, reason)
		case reason == "" && !draft.IsNull(p.Value):
			out[p.Key] = p
		}
	}
	return out
}

// Text sets a key of the schema to a value as text.
func (r Reader) Text(p draft.Pair, path ...string) {
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "%s: want text", p.Key)
		return
	}
	if s != "" {
		r.Set(draft.Text(p.Value, s), path...)
	}
}

// Texts appends values to a list of the schema. A string with commas or blanks is several where sep has these.
func (r Reader) Texts(n *yaml.Node, sep, where string, path ...string) {
	for _, item := range r.Words(n, sep, where) {
		r.Append(item, path...)
	}
}

// Words returns the entries of a list as text, each split at the characters of sep.
func (r Reader) Words(n *yaml.Node, sep, where string) (out []*yaml.Node) {
	for _, item := range r.Items(n) {
		s, ok := draft.String(item)
		if !ok {
			r.Refuse(item, "%s: want text", where)
			continue
		}
		for _, word := range strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(sep, c) }) {
			out = append(out, draft.Text(item, word))
		}
	}
	return out
}

// Fits says whether a value passes a rule of the schema, and refuses it otherwise: a list of an account that has one bad
// entry must not cost the account.
func (r Reader) Fits(n *yaml.Node, word, where string) bool {
	judge, _ := rule.Of(word)
	for _, value := range entriesOf(judge, n.Value) {
		if want := judge.Judge(value); want != "" {
			r.Refuse(n, "%s: want %s%s", where, want, rule.Hidden(value))
			return false
		}
	}
	return true
}

// entriesOf returns the values that a rule makes of one entry.
func entriesOf(judge rule.Rule, value string) []string {
	values := []string{strings.TrimFunc(value, rule.Invisible)}
	if judge.Split != nil {
		values = judge.Split(value)
	}
	if judge.Clean != nil {
		for i := range values {
			values[i] = judge.Clean(values[i])
		}
	}
	return values
}

// Normal writes a key as current documents have it: older ones have dashes.
func Normal(key string) string {
	return strings.ReplaceAll(strings.TrimFunc(key, rule.Invisible), "-", "_")
}
