package decode

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// cmdline turns the words of the kernel command line that begin with a top-level key into documents, as if the user had
// written them: dotted keys nest, a repeated key is a list, key[name]=value is a map's entry, key[0].name=value a part of a
// list's first entry, a key alone is true, quotes keep spaces. A word of another system stands for its key. All other words
// are the kernel's or proa's own.
func (d *decoder) cmdline(line []byte) []*yaml.Node {
	top := fieldsOf(d.schema)
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	for _, w := range split(string(line)) {
		key, value, hasValue := strings.Cut(w.text, "=")
		if own, ok := d.options.Words[key]; ok {
			key = own
		}
		path := keyPath(key)
		if _, ours := top[path[0]]; !ours && !slices.Contains(d.options.Sections, path[0]) {
			continue
		}
		if !hasValue {
			value = "true"
		}
		leaf := &yaml.Node{Kind: yaml.ScalarNode, Value: value, Line: 1, Column: w.column}
		d.insert(root, path, leaf, d.schema)
	}
	if len(root.Content) == 0 {
		return nil
	}
	return d.translated(nil, []*yaml.Node{root})
}

// insert puts leaf where path says. t is the schema at n, or nil where the path has left it; the decoder then reports the key.
func (d *decoder) insert(n *yaml.Node, path []string, leaf *yaml.Node, t reflect.Type) {
	child := childType(t, path[0])
	slot := yamlnode.Lookup(n, path[0])
	if len(path) > 1 && child != nil && child.Kind() == reflect.Slice && child.Elem().Kind() == reflect.Struct {
		d.entry(n, slot, path, leaf, child.Elem())
		return
	}
	if len(path) > 1 {
		if slot == nil {
			slot = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: leaf.Column}
			put(n, path[0], slot)
		}
		if slot.Kind != yaml.MappingNode {
			d.bad(leaf, "a key has a value already and cannot have keys too")
			return
		}
		d.insert(slot, path[1:], leaf, child)
		return
	}
	switch {
	case child != nil && child.Kind() == reflect.Slice && slot == nil:
		put(n, path[0], &yaml.Node{Kind: yaml.SequenceNode, Line: 1, Column: leaf.Column, Content: []*yaml.Node{leaf}})
	case child != nil && child.Kind() == reflect.Slice && slot.Kind == yaml.SequenceNode:
		slot.Content = append(slot.Content, leaf)
	case t == nil && slot != nil: // a foreign section, of which is not known here what is a list
		if slot.Kind != yaml.SequenceNode {
			first := *slot
			*slot = yaml.Node{Kind: yaml.SequenceNode, Line: 1, Column: first.Column, Content: []*yaml.Node{&first}}
		}
		slot.Content = append(slot.Content, leaf)
	case slot != nil:
		*slot = *leaf // of a scalar said twice the last word counts, as with the kernel's own keys
	default:
		put(n, path[0], leaf)
	}
}

// entry puts leaf into an entry of a list of structs, whose number is the second part of path.
func (d *decoder) entry(n, list *yaml.Node, path []string, leaf *yaml.Node, elem reflect.Type) {
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode, Line: 1, Column: leaf.Column}
		put(n, path[0], list)
	}
	at, err := strconv.Atoi(path[1])
	if err != nil || at < 0 || at > len(list.Content) || len(path) < 3 {
		d.bad(leaf, "%s: want KEY[0].NAME=VALUE, where entries are numbered from 0 in order", path[0])
		return
	}
	if at == len(list.Content) {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: leaf.Column})
	}
	d.insert(list.Content[at], path[2:], leaf, elem)
}

func childType(t reflect.Type, key string) reflect.Type {
	if t != nil && t.Kind() == reflect.Pointer { // a section that may be absent
		t = t.Elem()
	}
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Map:
		return t.Elem()
	case t.Kind() != reflect.Struct:
		return nil
	}
	i, ok := fieldsOf(t)[key]
	if !ok {
		return nil
	}
	return t.Field(i).Type
}

func put(n *yaml.Node, key string, value *yaml.Node) {
	k := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: 1, Column: value.Column}
	n.Content = append(n.Content, k, value)
}

// keyPath splits "network.interfaces[eth0].mtu" into its parts; a name in brackets may hold dots.
func keyPath(key string) []string {
	var parts []string
	for key != "" {
		end := strings.IndexAny(key, ".[")
		switch {
		case end < 0:
			return append(parts, key)
		case end > 0:
			parts = append(parts, key[:end])
		}
		if key[end] == '.' {
			key = key[end+1:]
			continue
		}
		name, rest, _ := strings.Cut(key[end+1:], "]")
		parts, key = append(parts, name), rest
	}
	return append(parts, "")[:max(len(parts), 1)]
}

type word struct {
	text   string
	column int
}

// split cuts at spaces outside double quotes, as the kernel does, and drops the quotes.
func split(line string) (words []word) {
	var cur strings.Builder
	start, quoted := 0, false
	flush := func() {
		if cur.Len() > 0 {
			words = append(words, word{cur.String(), start + 1})
		}
		cur.Reset()
	}
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r == ' ' || r == '\t' || r == '\n'):
			flush()
			continue
		default:
			if cur.Len() == 0 {
				start = i
			}
			cur.WriteRune(r)
		}
	}
	flush()
	return words
}
