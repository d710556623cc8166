package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/rule"
	"github.com/proa-os/proa/config/yamlnode"
)

// pairs calls do for each key and value of a mapping, with the key as written and without white space at its ends.
func (d *decoder) pairs(n *yaml.Node, name string, do func(key, value *yaml.Node, raw string)) {
	if n.Kind != yaml.MappingNode {
		if n.ShortTag() != "!!null" { // "network:" without a value is like no key
			d.bad(n, "%s: want key: value pairs, found %s", name, describe(n))
		}
		return
	}
	content := d.entriesOf(n)
	for i := 0; i+1 < len(content); i += 2 {
		k := *content[i]
		if k.Kind == yaml.AliasNode {
			k.Value = k.Alias.Value
		}
		raw := k.Value
		k.Value = strings.TrimFunc(raw, rule.Invisible)
		do(&k, content[i+1], raw)
	}
}

// entriesOf returns the keys and values of a mapping, with those that << merges. Each mapping counts as a value, because
// aliases can name one any number of times.
func (d *decoder) entriesOf(n *yaml.Node) []*yaml.Node {
	counted := func() bool { d.values++; return d.values <= maxValues }
	if !counted() {
		return nil
	}
	return yamlnode.Merged(n, func(value *yaml.Node, depth int) []*yaml.Node {
		from := mappings(value)
		return slices.DeleteFunc(from, func(*yaml.Node) bool { return !counted() || depth >= maxMerges })
	})
}

// maxMerges bounds how deep merged mappings merge others.
const maxMerges = 32

// mappings returns what a merge key may refer to: one mapping, or a list of them; nil for anything else.
func mappings(n *yaml.Node) (out []*yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		if item.Kind != yaml.MappingNode {
			return nil
		}
		out = append(out, item)
	}
	return out
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, name string) {
	fields := fieldsOf(v.Type())
	given := map[string]int{} // key → line
	d.pairs(n, name, func(key, value *yaml.Node, raw string) {
		i, ok := fields[key.Value]
		if !ok && d.found > MaxProblems {
			return // finding similar names is expensive
		}
		if !ok {
			d.bad(key, "%s%s", unknown(key.Value, names(fields)), rule.Hidden(raw))
			return
		}
		if first, twice := given[key.Value]; twice {
			d.bad(key, "duplicate key %q, first in line %d", key.Value, first)
			return
		}
		given[key.Value] = key.Line
		f := v.Type().Field(i)
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			d.nothing(value, f.Tag, key.Value)
			return
		}
		d.below(d.at.key(key.Value), value, v.Field(i), f.Tag, key.Value)
	})
	for key, i := range fields {
		if given[key] == 0 && has(v.Type().Field(i).Tag, "required") {
			d.bad(n, "%s: %q is missing", name, key)
		}
	}
	if look := d.options.Look[v.Type()]; look != nil {
		look(Report{d}, n, v.Interface(), name)
	}
}

// nothing handles null, which is like no key; but it is an error if a value is required, or if the value probably began
// with a special character and would be lost: a network without its passphrase would be an open one.
func (d *decoder) nothing(n *yaml.Node, tag reflect.StructTag, name string) {
	switch {
	case has(tag, "quoted"):
		d.bad(n, "%s: no value; one that begins with # & * ! or another special character needs quotes", name)
	case has(tag, "required"):
		d.bad(n, "%s: no value, and one is required", name)
	}
}

func has(tag reflect.StructTag, word string) bool {
	return slices.Contains(strings.Split(tag.Get("check"), ","), word)
}

// mapping decodes the entries of a map. It names a key only if that is valid, because an invalid one may be part of a
// secret. Valid entries are kept; one with an error is ignored. If the value has keys of its own, its valid keys are
// kept.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	lines := map[string]int{}
	d.pairs(n, name, func(key, value *yaml.Node, _ string) {
		k, ok := d.check(key, key.Value, keyTag(tag), name)
		if !ok {
			return
		}
		if first, twice := lines[k]; twice {
			d.bad(key, "%s: duplicate key, first in line %d", name, first)
			return
		}
		lines[k] = key.Line
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaultsOf(e)
		before, origin := d.found, &Origin{place: d.place(key.Line, key.Column)}
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" && e.Kind() == reflect.String {
			value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: value.Line, Column: value.Column}
		}
		valueTag := reflect.StructTag(fmt.Sprintf("check:%q", tag.Get("values")))
		if d.below(origin, value, e, valueTag, name); e.Kind() == reflect.Struct || d.found == before {
			v.SetMapIndex(reflect.ValueOf(k), e)
			d.at.put(k, origin)
		}
	})
}

// keyTag: a map's key is never empty.
func keyTag(tag reflect.StructTag) reflect.StructTag {
	return reflect.StructTag(fmt.Sprintf("check:%q", tag.Get("check")+",required"))
}
