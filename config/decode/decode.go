// Package decode reads documents into the struct of a schema, by its tags, and says what is wrong in them, with the place.
// It refuses unknown keys, goes on after an error, never quotes a value, and is bounded in time and memory. It knows no
// key itself.
package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/rule"
	"github.com/proa-os/proa/config/yamlnode"
)

// decoder walks a parsed document together with the schema. Unlike yaml.v3's own decoder it continues after an error,
// knows the column, and never quotes a secret.
type decoder struct {
	file     string
	instance map[string]any // of the machine, for templates
	at       *Origin        // of the value that is being decoded; nil: its origin is not recorded
	problems []Problem
	found    int // number of problems, including unreported ones
	values   int
	depth    int
	schema   reflect.Type // of the whole document
	options  Options
}

func (d *decoder) add(line, col int, format string, args ...any) {
	d.found++
	switch {
	case d.found == MaxProblems+1:
		format, args = "more problems than %d; the others are not listed", []any{MaxProblems}
	case d.found > MaxProblems:
		return
	}
	d.problems = append(d.problems, d.place(line, col).Problem(format, args...))
}

// lose reports a problem by which a part of the text is lost.
func (d *decoder) lose(line, col int, format string, args ...any) {
	d.add(line, col, format, args...)
	if len(d.problems) > 0 {
		d.problems[len(d.problems)-1].Lost = true // or the problem that says there are more
	}
}

func (d *decoder) place(line, col int) Place { return Place{d.file, max(line, 1), max(col, 1)} }

// took records the origin of the value that was decoded last.
func (d *decoder) took(n *yaml.Node) { d.at.set(d.place(n.Line, n.Column)) }

// below decodes a value whose origin is at.
func (d *decoder) below(at *Origin, n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	outer := d.at
	d.at = at
	d.value(n, v, tag, name)
	d.at = outer
}

func (d *decoder) bad(n *yaml.Node, format string, args ...any) {
	d.add(n.Line, n.Column, format, args...)
}

func (d *decoder) root(n *yaml.Node, into reflect.Value) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return // an empty document has no keys
	}
	if n.Kind != yaml.MappingNode {
		d.bad(n, "want key: value pairs, found %s%s", describe(n), rule.Hidden(strings.SplitN(n.Value, "\n", 2)[0]))
		return
	}
	d.value(n, into, reflect.StructTag(""), "document")
}

// value decodes n into v. name is used in messages.
func (d *decoder) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.bad(n, "%s: the document expands to more than %d values; the rest is not read", name, maxValues)
		}
		d.found++
		return
	}
	// an alias may contain itself; real documents are not this deep
	if d.depth++; d.depth > 32 {
		d.bad(n, "%s: nested too deeply", name)
		d.depth--
		return
	}
	defer func() { d.depth-- }()
	switch v.Kind() {
	case reflect.Pointer:
		d.pointer(n, v, tag, name)
	case reflect.Struct:
		d.structure(n, v, name)
	case reflect.Map:
		d.mapping(n, v, tag, name)
	case reflect.Slice:
		d.list(n, v, tag, name)
	default:
		d.scalar(n, v, tag, name)
	}
}

// pointer decodes an optional value. Of keys of its own the valid ones are kept, as everywhere, and an earlier source's.
func (d *decoder) pointer(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	p := reflect.New(v.Type().Elem())
	setDefaultsOf(p.Elem())
	if !v.IsNil() {
		p.Elem().Set(v.Elem())
	}
	before := d.found
	if d.value(n, p.Elem(), tag, name); d.found == before || p.Elem().Kind() == reflect.Struct && n.Kind == yaml.MappingNode {
		v.Set(p)
	}
}

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

// list decodes the valid entries. An invalid entry of write_files does not affect the others. Of a list whose tag is
// partial, an entry with an error keeps its valid keys: an account whose shell is wrong keeps its SSH keys.
func (d *decoder) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "%s: want a list, found %s%s", name, describe(n), rule.Hidden(strings.SplitN(n.Value, "\n", 2)[0]))
		return
	}
	out, ids := reflect.MakeSlice(v.Type(), 0, len(n.Content)), map[string]bool{}
	for i, item := range entries(n.Content, tag) {
		if d.values > maxValues {
			return // and keep the previous value: half a list is not what the user wrote
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaultsOf(e)
		before, place := d.found, fmt.Sprintf("%s[%d]", name, i)
		d.below(nil, item, e, entryTag(tag), place)
		if sound := d.found == before || tag.Get("partial") == "true" && complete(e); sound && d.first(item, e, tag, ids, place) {
			out = reflect.Append(out, e)
		}
	}
	v.Set(out.Slice(0, d.most(n, out.Len(), tag, name)))
	d.took(n)
}

// complete says whether a struct has all values that are required.
func complete(v reflect.Value) bool {
	for i := range v.NumField() {
		if has(v.Type().Field(i).Tag, "required") && v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// most returns how many of the entries of a list are used, and reports the others.
func (d *decoder) most(n *yaml.Node, entries int, tag reflect.StructTag, name string) int {
	limit, err := strconv.Atoi(tag.Get("most"))
	if err != nil || entries <= limit {
		return entries
	}
	d.bad(n, "%s: at most %d entries are used; the last %d are left out", name, limit, entries-limit)
	return limit
}

// entries splits items that contain several entries.
func entries(items []*yaml.Node, tag reflect.StructTag) (out []*yaml.Node) {
	r, _ := rule.Of(tag.Get("check"))
	for _, item := range items {
		if r.Split == nil || item.Kind != yaml.ScalarNode {
			out = append(out, item)
			continue
		}
		for _, part := range r.Split(item.Value) {
			one := *item
			one.Value = part
			out = append(out, &one)
		}
	}
	return out
}

// first reports an entry that contradicts an earlier one about the same thing.
func (d *decoder) first(n *yaml.Node, e reflect.Value, tag reflect.StructTag, ids map[string]bool, name string) bool {
	r, _ := rule.Of(tag.Get("check"))
	if r.ID == nil {
		return true
	}
	id := r.ID(e.String())
	if ids[id] {
		d.bad(n, "%s: an earlier entry has the same key and effect", name)
		return false
	}
	ids[id] = true
	return true
}

// entryTag: an entry of a list is never empty.
func entryTag(tag reflect.StructTag) reflect.StructTag {
	return reflect.StructTag(fmt.Sprintf("check:%q", tag.Get("check")+",required"))
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	want := map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false", reflect.Int: "a whole number"}[v.Kind()]
	if n.Kind != yaml.ScalarNode {
		d.bad(n, "%s: want %s, found %s", name, want, describe(n))
		return
	}
	found, text := d.found, ""
	ok := kindOf(n) == v.Kind() || kindOf(n) != reflect.Invalid && v.Kind() == reflect.String || v.Kind() == reflect.Bool && n.Style == 0 // yes, no, on, off
	if ok {
		text, ok = d.check(n, n.Value, tag, name)
	}
	switch {
	case !ok:
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		var b bool
		if ok = n.Decode(&b) == nil; ok {
			v.SetBool(b)
		}
	case v.Kind() == reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if ok = err == nil; ok {
			v.SetInt(int64(i))
		}
	default:
		panic("BUG: the schema holds a " + v.Kind().String())
	}
	switch {
	case ok:
		d.took(n)
	case d.found == found:
		d.bad(n, "%s: want %s, found %s", name, want, describe(n))
	}
}

// kindOf returns the kind that YAML resolves a scalar to. A string may be written as any of these; a value with an
// explicit tag, which is probably an unquoted one that begins with !, is none.
func kindOf(n *yaml.Node) reflect.Kind {
	switch n.ShortTag() {
	case "!!str", "!!timestamp", "!!merge", "!!float":
		return reflect.String
	case "!!int":
		return reflect.Int
	case "!!bool":
		return reflect.Bool
	}
	return reflect.Invalid
}

// describe describes what was found without quoting it, because it may be a secret.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "key: value pairs"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!str", "!!timestamp":
		return "a string"
	}
	return "a value with a tag; one that begins with ! needs quotes"
}

// fieldsOf maps a struct's keys to field indexes.
func fieldsOf(t reflect.Type) map[string]int {
	out := map[string]int{}
	for i := range t.NumField() {
		out[t.Field(i).Tag.Get("yaml")] = i
	}
	return out
}

// Keys returns the names of a schema's top-level keys.
func Keys(schema any) []string { return names(fieldsOf(reflect.TypeOf(schema))) }

func names(fields map[string]int) (out []string) {
	for k := range fields {
		out = append(out, k)
	}
	return out
}

// Defaults sets the defaults in the tags of a schema.
func Defaults(into any) { setDefaultsOf(reflect.ValueOf(into).Elem()) }

// setDefaultsOf sets the defaults in the schema's tags.
func setDefaultsOf(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, def := v.Field(i), v.Type().Field(i).Tag.Get("default")
		switch {
		case f.Kind() == reflect.Struct:
			setDefaultsOf(f)
		case def == "":
		case f.Kind() == reflect.Bool:
			f.SetBool(def == "true")
		case f.Kind() == reflect.Int:
			n, _ := strconv.Atoi(def) // a test parses every default
			f.SetInt(int64(n))
		case f.Kind() == reflect.String:
			f.SetString(def)
		}
	}
}
