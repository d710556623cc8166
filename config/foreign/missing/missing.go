// Package missing takes values out of a document for which its template had no data, so that none of them becomes a
// setting.
package missing

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/jinja"
)

// maxDepth: real documents are not this deep.
const maxDepth = 40

// Drop takes the values out, and names them.
func Drop(d *draft.Draft, doc *yaml.Node) { drop(d, doc, 0) }

func drop(d *draft.Draft, n *yaml.Node, depth int) {
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return
	}
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	kept := n.Content[:0:0]
	for i := 0; i+step <= len(n.Content); i += step {
		value := n.Content[i+step-1]
		if value.Kind == yaml.ScalarNode && strings.Contains(value.Value, jinja.Missing) {
			d.Note(value, "left out: its template needs instance data that this machine does not have, or an expression that is not known here")
			continue
		}
		drop(d, value, depth+1)
		kept = append(kept, n.Content[i:i+step]...)
	}
	n.Content = kept
}
