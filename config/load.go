package config

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Load reads the user's document, then lays the kernel command line over it: a scalar or a list replaces the document's,
// maps are merged. It always returns a usable Config: what is wrong is left out and reported, what is right is kept.
func Load(file string, document []byte, cmdline string) (*Config, []Problem) {
	d := &decoder{file: file}
	c := Default()
	d.document(document, c)
	d.file, d.values = CommandLine, 0
	for _, n := range d.cmdline(cmdline) {
		d.root(n, c)
	}
	return c, d.problems
}

// Default is the configuration of a machine that was told nothing.
func Default() *Config {
	c := &Config{}
	setDefaults(c)
	return c
}

// document decodes the file. When it is not YAML at all, its top-level keys are read one by one: a missing quote
// in one of them must not cost the SSH keys that stand in another.
func (d *decoder) document(text []byte, c *Config) {
	if len(text) > MaxSize {
		d.add(1, 1, "larger than %d KiB; not read", MaxSize>>10)
		return
	}
	if bytes.IndexByte(text, 0) >= 0 {
		d.add(1, 1, "not a text file: it holds NUL bytes")
		return
	}
	nodes, err := parse(text)
	if err != nil {
		line, msg := parserError(err)
		d.add(line, 1, "not valid YAML: %s", msg)
		nodes = salvage(text)
	}
	if err == nil && len(nodes) > 1 {
		d.add(nodes[1].Line, nodes[1].Column, "a second document; only one is read")
		nodes = nodes[:1]
	}
	for _, n := range nodes {
		d.root(n, c)
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
		if len(n.Content) == 1 {
			nodes = append(nodes, n.Content[0])
		}
	}
}

var yamlError = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s*)?(?:line (\d+): )?(.*)$`)

// parserError takes line and message out of the parser's text; it offers them in no other way.
func parserError(err error) (line int, msg string) {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, strings.TrimPrefix(err.Error(), "yaml: ")
	}
	line, _ = strconv.Atoi(m[1])
	return max(line, 1), m[2]
}

// salvage parses each top-level key by itself and returns those that are sound, their line numbers moved to where they stand.
func salvage(text []byte) (nodes []*yaml.Node) {
	lines := strings.SplitAfter(string(text), "\n")
	for start := 0; start < len(lines); {
		end := start + 1
		for end < len(lines) && !topLevel(lines[end]) {
			end++
		}
		if topLevel(lines[start]) {
			if got, err := parse([]byte(strings.Join(lines[start:end], ""))); err == nil {
				move(got, start)
				nodes = append(nodes, got...)
			}
		}
		start = end
	}
	return nodes
}

// move does not follow aliases: what they stand for is in the tree once.
func move(nodes []*yaml.Node, lines int) {
	for _, n := range nodes {
		n.Line += lines
		move(n.Content, lines)
	}
}

var keyLine = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*\s*:`)

func topLevel(line string) bool { return keyLine.MatchString(line) }
