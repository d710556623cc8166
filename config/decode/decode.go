// Package decode reads documents into the struct of a schema, by its tags, and says what is wrong in them, with the place.
// It refuses unknown keys, goes on after an error, never quotes a value, and is bounded in time and memory. It knows no
// key itself.
package decode

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/rule"
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
