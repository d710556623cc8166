package config

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/yamlnode"
)

// Show renders the configuration in force, with secrets replaced.
func Show(c *Config) ([]byte, error) {
	shown := mask(reflect.ValueOf(c).Elem(), "")
	return yaml.Marshal(shown)
}

const hidden = "(secret)"

// mask copies v into nodes in the order of the schema, and omits unset values.
func mask(v reflect.Value, tag reflect.StructTag) *yaml.Node {
	switch {
	case v.Kind() == reflect.Pointer:
		return mask(v.Elem(), tag)
	case v.Kind() == reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if child := mask2(v.Field(i), f.Tag); child != nil {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.Tag.Get("yaml")}, child)
			}
		}
		return n
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, mask(v.Index(i), tag))
		}
		return n
	}
	n := &yaml.Node{}
	if err := n.Encode(v.Interface()); err != nil {
		panic("BUG: the schema holds what YAML cannot: " + err.Error())
	}
	return n
}

func mask2(v reflect.Value, tag reflect.StructTag) *yaml.Node {
	switch {
	case v.IsZero() && v.Kind() != reflect.Bool, (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0:
		return nil
	case tag.Get("secret") == "flags":
		return maskFlags(v.Interface().([]string))
	case tag.Get("secret") == "true":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: hidden}
	case v.Kind() == reflect.Struct:
		if n := mask(v, tag); len(n.Content) > 0 {
			return n
		}
		return nil
	}
	return mask(v, tag)
}

// maskFlags replaces the values of flags that are secrets.
func maskFlags(args []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, a := range args {
		name, _, given := strings.Cut(a, "=")
		if f, _ := k3sflags.Named(strings.TrimPrefix(name, "--")); given && f.Arg == "secret" {
			a = name + "=" + hidden
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: a})
	}
	return n
}

// ShowOrigin renders the configuration like Show, with the place where each value is written behind it. A list has one
// place for all its entries.
func ShowOrigin(c *Config, o *Origin) ([]byte, error) {
	shown := mask(reflect.ValueOf(c).Elem(), "")
	annotate(shown, o, nil)
	return yaml.Marshal(shown)
}

func annotate(n *yaml.Node, o *Origin, path []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := append(path[:len(path):len(path)], key.Value)
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			annotate(value, o, below)
			continue
		}
		said := "default"
		if p := o.Of(below...); p.Line != 0 {
			said = p.String()
		}
		if value.Kind == yaml.ScalarNode && !strings.Contains(value.Value, "\n") {
			value.LineComment = "# " + said
			continue
		}
		key.HeadComment = "# " + said
	}
}

// ShowKey renders the value at a path of keys like Show; nothing if it is not set.
func ShowKey(c *Config, path ...string) ([]byte, error) {
	n := mask(reflect.ValueOf(c).Elem(), "")
	for _, key := range path {
		if n = yamlnode.Lookup(n, key); n == nil {
			return nil, nil
		}
	}
	return yaml.Marshal(n)
}
