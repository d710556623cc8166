package paths

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// maxNodes bounds the size of a document in a file.
const maxNodes = 1 << 16

// Document parses a YAML document that stands in a value of another one. Its nodes get their lines in the outer
// document, if the value is a block, else the place of the value.
func Document(d *draft.Draft, at *yaml.Node, text string) (*yaml.Node, bool) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		d.Refuse(at, "write_files: the content is not valid YAML; the file is left out")
		return nil, false
	}
	left := maxNodes
	if len(doc.Content) == 0 || !place(&doc, at, &left) {
		return nil, false
	}
	return doc.Content[0], true
}

func place(n, at *yaml.Node, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	if at.Style&yaml.LiteralStyle != 0 {
		n.Line += at.Line
	} else {
		n.Line, n.Column = at.Line, at.Column
	}
	for _, c := range n.Content {
		if !place(c, at, left) {
			return false
		}
	}
	return true
}
