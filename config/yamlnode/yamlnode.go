// Package yamlnode finds and sets keys of YAML documents as yaml.v3 nodes, which keeps order, comments and unknown keys.
// It does not resolve aliases and does not validate values.
package yamlnode

import (
	"errors"
	"io"

	"gopkg.in/yaml.v3"
)

// Lookup returns the value of a key; nil if the key does not exist or m is not a mapping.
func Lookup(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// Merged returns the keys and values of a mapping, followed by those of the mappings that << merges, unless a nearer one
// has the key (yaml.org/type/merge). sources returns the mappings that the value of a << names, depth merges below m;
// nil leaves that key as it is.
func Merged(m *yaml.Node, sources func(value *yaml.Node, depth int) []*yaml.Node) []*yaml.Node {
	return merged(m, sources, map[string]bool{}, 0)
}

func merged(m *yaml.Node, sources func(*yaml.Node, int) []*yaml.Node, nearer map[string]bool, depth int) (out []*yaml.Node) {
	var below []*yaml.Node
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		var from []*yaml.Node
		if key.ShortTag() == "!!merge" {
			from = sources(value, depth)
		}
		switch {
		case from != nil:
			below = append(below, from...)
		case depth == 0 || !nearer[key.Value]:
			out = append(out, key, value)
		}
	}
	for i := 0; i < len(out); i += 2 {
		nearer[out[i].Value] = true
	}
	for _, s := range below {
		out = append(out, merged(s, sources, nearer, depth+1)...)
	}
	return out
}

// EndsInColon returns the text of a list's entry that ends in a colon: without quotes it is a mapping to YAML.
func EndsInColon(item *yaml.Node) (text string, ok bool) {
	if item.Kind != yaml.MappingNode || len(item.Content) != 2 || item.Content[1].ShortTag() != "!!null" {
		return "", false
	}
	return item.Content[0].Value + ":", true
}

// Add appends a key to a mapping. The key must not exist.
func Add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

// SetString sets the value of a key to a string, and adds the key if it does not exist.
func SetString(m *yaml.Node, key, text string) {
	n := Lookup(m, key)
	if n == nil {
		n = &yaml.Node{}
		Add(m, key, n)
	}
	n.SetString(text)
}

// Encode writes a document with an indentation of two, like kubectl.
func Encode(w io.Writer, doc *yaml.Node) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(doc), enc.Close())
}
