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
