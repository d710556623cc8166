package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoder walks a parsed document and the schema side by side. It differs from yaml.v3's own decoding in that it goes on after
// a problem, knows the column, and never repeats a secret.
type decoder struct {
	file     string
	problems []Problem
	found    int // problems, also those beyond what is reported
	values   int
	depth    int
}

func (d *decoder) add(line, col int, format string, args ...any) {
	d.found++
	switch {
	case d.found == maxProblems+1:
		format, args = "more problems than %d; the others are not listed", []any{maxProblems}
	case d.found > maxProblems:
		return
	}
	d.problems = append(d.problems, Problem{d.file, max(line, 1), max(col, 1), fmt.Sprintf(format, args...)})
}

func (d *decoder) bad(n *yaml.Node, format string, args ...any) {
	d.add(n.Line, n.Column, format, args...)
}

func (d *decoder) root(n *yaml.Node, c *Config) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return // an empty document says nothing
	}
	if n.Kind != yaml.MappingNode {
		d.bad(n, "want key: value pairs, found %s", describe(n))
		return
	}
	d.value(n, reflect.ValueOf(c).Elem(), reflect.StructTag(""), "document")
}

// value decodes n into v. name is for messages.
func (d *decoder) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.bad(n, "%s: the document stands for more than %d values; the rest is not read", name, maxValues)
		}
		d.found++
		return
	}
	// an alias may contain itself; no honest document is this deep
	if d.depth++; d.depth > 32 {
		d.bad(n, "%s: nested too deeply", name)
		d.depth--
		return
	}
	defer func() { d.depth-- }()
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		before := d.found
		if d.value(n, p.Elem(), tag, name); d.found == before {
			v.Set(p)
		}
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

// pairs yields a mapping's keys and values, and reports keys that stand twice.
func (d *decoder) pairs(n *yaml.Node, name string, do func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		if n.ShortTag() != "!!null" { // "network:" with nothing behind it is as good as left out
			d.bad(n, "%s: want key: value pairs, found %s", name, describe(n))
		}
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if first, twice := seen[k.Value]; twice {
			d.bad(k, "key %q stands twice, first in line %d", k.Value, first)
			continue
		}
		seen[k.Value] = k.Line
		do(k, n.Content[i+1])
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, name string) {
	fields := fieldsOf(v.Type())
	given := map[string]bool{}
	d.pairs(n, name, func(key, value *yaml.Node) {
		i, ok := fields[key.Value]
		if !ok && d.found > maxProblems {
			return // looking for what was meant costs more than the rest
		}
		if !ok {
			d.bad(key, "%s", unknown(key.Value, names(fields)))
			return
		}
		given[key.Value] = true
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			return
		}
		f := v.Type().Field(i)
		d.value(value, v.Field(i), f.Tag, key.Value)
	})
	for key, i := range fields {
		if strings.Contains(v.Type().Field(i).Tag.Get("check"), "required") && !given[key] {
			d.bad(n, "%s: %q is missing", name, key)
		}
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.pairs(n, name, func(key, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaultsOf(e)
		before := d.found
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" && e.Kind() == reflect.String {
			value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: value.Line, Column: value.Column}
		}
		if d.value(value, e, "", name+"."+key.Value); e.Kind() == reflect.Struct || d.found == before {
			d.check(key, key.Value, tag, name)
			v.SetMapIndex(reflect.ValueOf(key.Value), e)
		}
	})
}

// list decodes the entries that are sound. One broken entry of write_files does not cost the others.
func (d *decoder) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "%s: want a list, found %s", name, describe(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		if d.values > maxValues {
			return // and keep what was there before: half a list is not what the user wrote
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaultsOf(e)
		before := d.found
		if d.value(item, e, tag, fmt.Sprintf("%s[%d]", name, i)); d.found == before {
			out = reflect.Append(out, e)
		}
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, tag reflect.StructTag, name string) {
	want := map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false", reflect.Int: "a whole number"}[v.Kind()]
	if n.Kind != yaml.ScalarNode {
		d.bad(n, "%s: want %s, found %s", name, want, describe(n))
		return
	}
	ok := true
	switch v.Kind() {
	case reflect.String:
		v2 := n.Value
		if ok = n.ShortTag() != "!!null" && n.ShortTag() != "!!binary"; ok && d.check(n, v2, tag, name) {
			v.SetString(v2)
		}
	case reflect.Bool:
		var b bool
		if ok = n.ShortTag() == "!!bool" && n.Decode(&b) == nil; ok {
			v.SetBool(b)
		}
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if ok = err == nil && n.ShortTag() == "!!int"; ok && d.check(n, n.Value, tag, name) {
			v.SetInt(int64(i))
		}
	default:
		panic("BUG: the schema holds a " + v.Kind().String())
	}
	if !ok {
		d.bad(n, "%s: want %s, found %s", name, want, describe(n))
	}
}

// describe names what was found without repeating it: it may be a secret.
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
	case "!!str":
		return "a string"
	}
	return "a value of type " + n.ShortTag()
}

// fieldsOf maps a struct's keys to field numbers.
func fieldsOf(t reflect.Type) map[string]int {
	out := map[string]int{}
	for i := range t.NumField() {
		out[t.Field(i).Tag.Get("yaml")] = i
	}
	return out
}

func names(fields map[string]int) (out []string) {
	for k := range fields {
		out = append(out, k)
	}
	return out
}

func setDefaults(c *Config) { setDefaultsOf(reflect.ValueOf(c).Elem()) }

// setDefaultsOf fills the defaults that stand in the schema's tags.
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
			n, _ := strconv.Atoi(def) // a test reads every default
			f.SetInt(int64(n))
		case f.Kind() == reflect.String:
			f.SetString(def)
		}
	}
}
