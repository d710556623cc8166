package config

import (
	"bytes"
	"io"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Default returns the configuration of a machine without any settings.
func Default() *Config {
	c := &Config{}
	setDefaults(c)
	return c
}

// document parses the text. If it is not valid YAML, its top-level keys are parsed one by one: a missing quote in one
// of them must not cost the SSH keys in another.
func (d *decoder) document(text []byte) []*yaml.Node {
	if len(text) > MaxSize {
		d.add(1, 1, "larger than %d KiB; not read", MaxSize>>10)
		return nil
	}
	text = Plain(text)
	if whole := bytes.TrimRight(text, "\x00"); len(whole) < len(text) { // a power cut may leave this in a file on a FAT
		line := 1 + bytes.Count(whole, []byte("\n"))
		d.add(line, 1, "%d NUL bytes at the end of the file: what stood there is lost; the rest is read", len(text)-len(whole))
		text = whole
	}
	nodes, err := parse(text)
	if err != nil {
		nodes = d.salvage(string(text), err)
	}
	if err == nil && len(nodes) > 1 {
		d.add(nodes[1].Line, nodes[1].Column, "a second document; only one is read")
		nodes = nodes[:1]
	}
	return nodes
}

func parse(text []byte) (nodes []*yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		switch err := dec.Decode(&n); {
		case err == io.EOF:
			return nodes, nil
		case err != nil:
			return nil, err
		}
		if len(n.Content) == 1 && n.Content[0].ShortTag() != "!!null" { // an empty document has no keys
			nodes = append(nodes, n.Content[0])
		}
	}
}

// salvage parses each top-level key by itself and returns the valid ones, with their line numbers corrected. Errors of
// the others are reported at their place; err, which is about the whole text, only if there are none.
func (d *decoder) salvage(text string, err error) (nodes []*yaml.Node) {
	lines, before := strings.SplitAfter(text, "\n"), d.found
	for start := 0; start < len(lines); {
		end := start + 1
		for end < len(lines) && !keyLine.MatchString(lines[end]) {
			end++
		}
		part := strings.Join(lines[start:end], "")
		got, err := parse([]byte(part))
		switch {
		case err != nil && d.found > maxProblems:
			d.found++
		case err != nil:
			line, col, msg := parserWords(part, err)
			cost := lost(lines[start])
			if got, err := parse([]byte(spaced(part))); err == nil && cost != "" {
				cost = "; read as if spaces stood there"
				move(got, start)
				nodes = append(nodes, got...)
			}
			d.add(line+start, col, "%s%s", msg, cost)
		case keyLine.MatchString(lines[start]):
			move(got, start)
			nodes = append(nodes, got...)
		}
		start = end
	}
	if d.found == before {
		line, col, msg := parserWords(text, err)
		d.add(line, col, "%s", msg)
	}
	return nodes
}

// lost says what is ignored because of an error.
func lost(line string) string {
	key, _, _ := strings.Cut(line, ":")
	if _, ok := fieldsOf(reflect.TypeFor[Config]())[strings.TrimSpace(key)]; ok {
		return "; " + strings.TrimSpace(key) + " is left out"
	}
	return ""
}

// move does not follow aliases, because their anchors are in the tree.
func move(nodes []*yaml.Node, lines int) {
	for _, n := range nodes {
		n.Line += lines
		move(n.Content, lines)
	}
}

var keyLine = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*\s*:`)
