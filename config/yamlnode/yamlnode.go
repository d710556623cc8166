// Package yamlnode reads and changes mappings of YAML documents as yaml.v3's nodes, so that all that is not asked for stays as people
// wrote it: order, comments, unknown keys. It follows no alias and judges no value.
package yamlnode

import (
	"errors"
	"io"

	"gopkg.in/yaml.v3"
)

// Lookup is the value of a key; nil where there is none, or m is no mapping.
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

// Add puts a key, which must not be there, at the end of a mapping.
func Add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

// SetString makes the value of a key this text; a key that is not there is added.
func SetString(m *yaml.Node, key, text string) {
	n := Lookup(m, key)
	if n == nil {
		n = &yaml.Node{}
		Add(m, key, n)
	}
	n.SetString(text)
}

// Encode writes a document, indented by two as kubectl does.
func Encode(w io.Writer, doc *yaml.Node) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(doc), enc.Close())
}
