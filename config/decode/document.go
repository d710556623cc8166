package decode

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// document reads a document, or all documents that a text is packed of, as if they were one.
func (d *decoder) document(text []byte) []*yaml.Node {
	if d.options.Unpack == nil || len(text) > MaxSize {
		return d.one(text)
	}
	own, documents, ok := d.options.Unpack(text, d.instance)
	if !ok {
		return d.one(text)
	}
	for _, n := range own.Notes {
		d.say(n)
	}
	nodes := []*yaml.Node{own.Root}
	for _, text := range documents {
		for _, n := range d.one(text) {
			if n.Kind == yaml.MappingNode {
				draft.Join(own.Root, n)
			} else {
				nodes = append(nodes, n) // which is reported
			}
		}
	}
	return nodes
}

// one parses a document. If it is not valid YAML, its top-level keys are parsed one by one: a missing quote in one
// of them must not cost the SSH keys in another.
func (d *decoder) one(text []byte) []*yaml.Node {
	if len(text) > MaxSize {
		d.add(1, 1, "larger than %d KiB; not read", MaxSize>>10)
		return nil
	}
	text = Plain(text)
	if whole := bytes.TrimRight(text, "\x00"); len(whole) < len(text) { // a power cut may leave this in a file on a FAT
		line := 1 + bytes.Count(whole, []byte("\n"))
		d.lose(line, 1, "%d NUL bytes at the end of the file: what stood there is lost; the rest is read", len(text)-len(whole))
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
	return d.translated(text, nodes)
}

// translated returns the keys of this schema that a document stands for, which may be one of another system.
func (d *decoder) translated(text []byte, nodes []*yaml.Node) []*yaml.Node {
	if d.options.Foreign == nil || len(nodes) == 0 {
		return nodes
	}
	whole := nodes[0]
	if len(nodes) > 1 { // what was salvaged, key by key
		whole = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
		for _, n := range nodes {
			whole.Content = append(whole.Content, n.Content...)
		}
	}
	first, _, _ := strings.Cut(strings.TrimLeft(string(text), "\n"), "\n")
	own, ok := d.options.Foreign(d.file, first, whole)
	if !ok {
		return nodes
	}
	for _, n := range own.Notes {
		d.say(n)
	}
	return []*yaml.Node{own.Root}
}

// say reports what a translator says.
func (d *decoder) say(n draft.Note) {
	d.add(n.Line, n.Column, "%s", n.Message)
	if last := len(d.problems) - 1; !n.Refused && d.found <= MaxProblems {
		d.problems[last].Note = true
	}
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
		case err != nil && d.found > MaxProblems:
			d.found++
		case err != nil:
			line, col, msg := parserWords(part, err)
			cost, say := d.lost(lines[start]), d.lose
			got, err := parse([]byte(spaced(part)))
			switch kept := d.rescued(part); {
			case err == nil && cost != "":
				cost, say = "; read as if spaces stood there", d.add
			case kept != nil:
				got, cost = kept, "; the lines that are complete entries are read"
			default:
				got = nil
			}
			move(got, start)
			nodes = append(nodes, got...)
			say(line+start, col, "%s%s", msg, cost)
		case keyLine.MatchString(lines[start]):
			move(got, start)
			nodes = append(nodes, got...)
		}
		start = end
	}
	if d.found == before {
		line, col, msg := parserWords(text, err)
		d.lose(line, col, "%s", msg)
	}
	return nodes
}

// rescued returns a list of which only some lines can be understood, if its key is one of Options.Rescue.
func (d *decoder) rescued(part string) []*yaml.Node {
	key, rest, _ := strings.Cut(part, ":")
	complete := d.options.Rescue[strings.TrimSpace(key)]
	if complete == nil {
		return nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Line: 1, Column: 1}
	for i, line := range strings.Split(rest, "\n") {
		entry := strings.Trim(strings.TrimSpace(line), "-\"' ")
		if entry != "" && complete(entry) {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: entry, Line: i + 1, Column: 1})
		}
	}
	if len(list.Content) == 0 {
		return nil
	}
	m := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	put(m, strings.TrimSpace(key), list)
	return []*yaml.Node{m}
}

// lost says what is ignored because of an error.
func (d *decoder) lost(line string) string {
	key, _, _ := strings.Cut(line, ":")
	if _, ok := fieldsOf(d.schema)[strings.TrimSpace(key)]; ok {
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
