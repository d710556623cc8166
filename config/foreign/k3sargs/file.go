package k3sargs

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/yamlnode"
)

// IsFile says whether a document is K3s's own configuration file: all of its keys are flags, and no flag has keys of its
// own, as config has in a document of the schema.
func IsFile(doc *yaml.Node) bool {
	var keys []string
	for _, p := range draft.New().Pairs(doc) {
		if p.Value.Kind == yaml.MappingNode {
			return false
		}
		keys = append(keys, flagOf(p.Key))
	}
	return len(keys) > 0 && !slices.ContainsFunc(keys, func(k string) bool { return !known(k) })
}

// flagOf returns the flag that a key of the file sets; a + at its end appends (docs.k3s.io, configuration file).
func flagOf(key string) string { return strings.TrimSuffix(strings.TrimSpace(key), "+") }

// File translates K3s's configuration file, whose keys are flags.
func File(d *draft.Draft, doc *yaml.Node) {
	for _, p := range d.Pairs(doc) {
		for _, item := range d.Items(p.Value) {
			value, ok := scalar(item)
			if !ok {
				d.Refuse(item, "k3s: a flag whose value is no text; put it in quotes")
				continue
			}
			Flag(d, item, flagOf(p.Key), value, true)
		}
	}
}

// scalar returns a value as text.
func scalar(n *yaml.Node) (string, bool) {
	if text, ok := yamlnode.EndsInColon(n); ok {
		return text, true
	}
	return draft.String(n)
}
