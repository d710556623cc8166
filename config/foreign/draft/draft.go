// Package draft makes a document of proa's schema out of a foreign one. It keeps the place of every value, so that
// problems and origins name the line that the user wrote; it checks nothing that the schema checks, and never quotes a
// value, because it may be a secret.
package draft

import (
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// Draft is a document in the making, with what has to be said about it.
type Draft struct {
	Root  *yaml.Node // a mapping of the schema's top-level keys
	Notes []Note
	left  int // how many more values may be read, because aliases can name one any number of times
}

// Note is something to tell the user about a foreign document.
type Note struct {
	Line, Column int
	Message      string
	Refused      bool // an error: a value could not be understood, and is left out
}

// maxValues bounds how many values are read of a document.
const maxValues = 1 << 18

// New returns an empty draft.
func New() *Draft {
	return &Draft{Root: &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}, left: maxValues}
}

// Note says that a key has no effect here: why, and how to get what it is for.
func (d *Draft) Note(at *yaml.Node, format string, args ...any) { d.say(at, false, format, args...) }

// Refuse reports a value that cannot be understood.
func (d *Draft) Refuse(at *yaml.Node, format string, args ...any) { d.say(at, true, format, args...) }

// maxNotes bounds what is said about a document.
const maxNotes = 200

// Enough says whether so much was said that nothing more will be: looking for similar names can be left out.
func (d *Draft) Enough() bool { return len(d.Notes) >= maxNotes }

func (d *Draft) say(at *yaml.Node, refused bool, format string, args ...any) {
	if d.Enough() {
		return
	}
	d.Notes = append(d.Notes, Note{at.Line, at.Column, fmt.Sprintf(format, args...), refused})
}

// Set sets the value at a path of keys below the root; values before it are made as mappings where they are missing.
// What is there already is replaced.
func (d *Draft) Set(value *yaml.Node, path ...string) { Put(d.Root, value, path...) }

// Append adds a value to the list at a path of keys.
func (d *Draft) Append(value *yaml.Node, path ...string) {
	list := d.Get(path...)
	if list == nil {
		list = List(value)
		d.Set(list, path...)
	}
	list.Content = append(list.Content, value)
}

// Get returns the value at a path of keys below the root; nil if there is none.
func (d *Draft) Get(path ...string) *yaml.Node { return lookup(d.Root, path) }

// Get returns the value at a path of keys below a mapping; nil if there is none.
func Get(m *yaml.Node, path ...string) *yaml.Node { return lookup(m, path) }

func lookup(n *yaml.Node, path []string) *yaml.Node {
	for _, key := range path {
		n = yamlnode.Lookup(n, key)
	}
	return n
}

// Put sets the value at a path of keys below a mapping.
func Put(m, value *yaml.Node, path ...string) {
	for ; len(path) > 1; path = path[1:] {
		next := yamlnode.Lookup(m, path[0])
		if next == nil {
			next = Map(value)
			m.Content = append(m.Content, Text(value, path[0]), next)
		}
		m = next
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == path[0] {
			m.Content[i+1] = value
			return
		}
	}
	m.Content = append(m.Content, Text(value, path[0]), value)
}

// Text returns a string with the place of a node.
func Text(at *yaml.Node, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: at.Line, Column: at.Column, Style: at.Style & yaml.LiteralStyle}
}

// Bool returns a boolean with the place of a node.
func Bool(at *yaml.Node, value bool) *yaml.Node {
	return scalar(at, "!!bool", strconv.FormatBool(value))
}

// Int returns a number with the place of a node.
func Int(at *yaml.Node, value int) *yaml.Node { return scalar(at, "!!int", strconv.Itoa(value)) }

func scalar(at *yaml.Node, tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value, Line: at.Line, Column: at.Column}
}

// List returns an empty list with the place of a node.
func List(at *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Line: at.Line, Column: at.Column}
}

// Map returns an empty mapping with the place of a node.
func Map(at *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Column}
}
