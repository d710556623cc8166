package draft

import (
	"encoding/base64"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// Pair is a key of a mapping with its value. Aliases are resolved.
type Pair struct {
	Key   string
	At    *yaml.Node // the key
	Value *yaml.Node
}

// Pairs returns the keys and values of a mapping, with those that << merges; of a key that is given twice the last one
// counts, as other parsers have it, and a note says so. It returns nil for anything else than a mapping.
func (d *Draft) Pairs(n *yaml.Node) (out []Pair) {
	n = Resolved(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	content, at := yamlnode.Merged(n, d.merged), map[string]int{}
	for i := 0; i+1 < len(content) && d.more(); i += 2 {
		key := Resolved(content[i])
		p := Pair{key.Value, content[i], Resolved(content[i+1])}
		if j, twice := at[p.Key]; twice {
			d.Note(p.At, "duplicate key; this one counts, the one in line %d does not", out[j].At.Line)
			out[j] = p
			continue
		}
		at[p.Key] = len(out)
		out = append(out, p)
	}
	return out
}

// maxMerges bounds how deep merged mappings merge others.
const maxMerges = 32

func (d *Draft) merged(value *yaml.Node, depth int) (out []*yaml.Node) {
	for _, m := range d.Items(value) {
		if m.Kind != yaml.MappingNode || depth >= maxMerges {
			return nil
		}
		out = append(out, m)
	}
	return out
}

// Items returns the entries of a list with aliases resolved; anything else, which many write where a list of one entry
// is meant, is one entry, and nothing is none.
func (d *Draft) Items(n *yaml.Node) (out []*yaml.Node) {
	n = Resolved(n)
	switch {
	case n == nil || IsNull(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		return []*yaml.Node{n}
	}
	for _, item := range n.Content {
		if !d.more() {
			break
		}
		out = append(out, Resolved(item))
	}
	return out
}

// more counts a value, and says whether it may be read.
func (d *Draft) more() bool { d.left--; return d.left >= 0 }

// Resolved returns what an alias stands for, and any other node as it is.
func Resolved(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// IsNull says whether a value is absent: null, ~ or nothing after the colon.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// String returns a scalar as text: numbers and booleans as written, !!binary decoded. It fails for lists and mappings,
// and for !!binary that is not base64.
func String(n *yaml.Node) (string, bool) {
	n = Resolved(n)
	switch {
	case n == nil || n.Kind != yaml.ScalarNode:
		return "", false
	case IsNull(n):
		return "", true
	case n.ShortTag() == "!!binary":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		return string(raw), err == nil
	}
	return n.Value, true
}

// Truth returns a boolean, also as YAML 1.1 or a string writes it: yes, no, on, off, True, "false", 1, 0.
func Truth(n *yaml.Node) (value, ok bool) {
	s, ok := String(n)
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "y", "1":
		return true, ok
	case "false", "no", "off", "n", "0":
		return false, ok
	}
	return false, false
}

// Number returns a whole number in decimal, also as a string writes it.
func Number(n *yaml.Node) (int, bool) {
	s, ok := String(n)
	i, err := strconv.Atoi(strings.TrimSpace(s))
	return i, ok && err == nil
}
