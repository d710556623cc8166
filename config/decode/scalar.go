package decode

import (
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"
)

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
