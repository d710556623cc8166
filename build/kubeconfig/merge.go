package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// kinds are the lists of a kubeconfig, in kubectl's order.
var kinds = []string{"clusters", "contexts", "users"}

// Merge merges the entries of one kubeconfig into another, which may be empty, and returns it with the name of the
// added context. Everything else is kept: other entries, unknown keys, comments, and the current context if there was
// one.
func Merge(into, brought []byte, force bool) (merged []byte, name string, err error) {
	sent, err := parse(brought)
	if err != nil || sent == nil {
		return nil, "", errors.New("the node's answer is not a kubeconfig")
	}
	from := sent.Content[0]
	current := lookup(from, "current-context")
	if current == nil || current.Value == "" {
		return nil, "", errors.New("the node's kubeconfig has no context")
	}
	name = current.Value
	doc, err := parse(into)
	if err != nil {
		return nil, "", err
	}
	if doc == nil {
		return brought, name, nil
	}
	to := doc.Content[0]
	if !force && !sameCluster(to, from, name) {
		return nil, "", fmt.Errorf("%s is there already and belongs to another cluster\nhint: --context NAME brings this one under another name, --force replaces that one", name)
	}
	for _, kind := range kinds {
		if err := mergeList(to, from, kind); err != nil {
			return nil, "", err
		}
	}
	if has := lookup(to, "current-context"); has == nil {
		yamlnode.Add(to, "current-context", current)
	} else if has.Value == "" {
		*has = *current
	}
	var out bytes.Buffer
	if err := yamlnode.Encode(&out, doc); err != nil {
		return nil, "", err
	}
	if err := keeps(into, out.Bytes(), from); err != nil {
		return nil, "", err
	}
	return out.Bytes(), name, nil
}

// parse returns nil for an empty document. It refuses what kubectl refuses, and what would be lost: a second document, a key that stands twice.
// Errors do not quote the text, because it has keys in it.
func parse(text []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil && err != io.EOF {
		return nil, errors.New("is not valid YAML")
	}
	if doc.Kind == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("is not a kubeconfig")
	}
	switch kind := lookup(doc.Content[0], "kind"); {
	case kind != nil && kind.Value != "" && kind.Value != "Config":
		return nil, errors.New("is not a kubeconfig: its kind is another one")
	case doc.Decode(&map[string]any{}) != nil:
		return nil, errors.New("has a key that stands twice, or a value that cannot be read")
	case dec.Decode(&more) != io.EOF:
		return nil, errors.New("has more than one document")
	}
	return &doc, nil
}

// keeps makes sure that a merge changed only what it brings: an entry that YAML's anchors share with others cannot be replaced alone.
func keeps(before, after []byte, brought *yaml.Node) error {
	changed := errors.New("shares entries by anchors (&, *), which a merge would change; write them out first")
	was, is := map[string]any{}, map[string]any{}
	if yaml.Unmarshal(before, &was) != nil || yaml.Unmarshal(after, &is) != nil {
		return changed
	}
	for key, value := range was {
		if key == "current-context" {
			continue
		}
		if slices.Contains(kinds, key) {
			value, is[key] = others(value, lookup(brought, key)), others(is[key], lookup(brought, key))
		}
		if !reflect.DeepEqual(value, is[key]) {
			return changed
		}
	}
	return nil
}

// others are the entries of a list but those of the names that are brought.
func others(list any, brought *yaml.Node) (out []any) {
	items, _ := list.([]any)
	for _, item := range items {
		m, _ := item.(map[string]any)
		if name, ok := m["name"].(string); !ok || entry(brought, name) == nil {
			out = append(out, item)
		}
	}
	return out
}

// sameCluster says whether the cluster called name in to has the same certificate authority as in from, or does not
// exist.
func sameCluster(to, from *yaml.Node, name string) bool {
	for _, kind := range kinds {
		there, brought := entry(lookup(to, kind), name), entry(lookup(from, kind), name)
		if there == nil || brought == nil {
			continue
		}
		mine := authority(to, name)
		return mine != "" && mine == authority(from, name)
	}
	return true
}

func authority(doc *yaml.Node, name string) string {
	if ca := lookup(lookup(entry(lookup(doc, "clusters"), name), "cluster"), "certificate-authority-data"); ca != nil {
		return ca.Value
	}
	return ""
}

func mergeList(to, from *yaml.Node, kind string) error {
	brought := lookup(from, kind)
	if brought == nil || brought.Kind != yaml.SequenceNode {
		return fmt.Errorf("the node's kubeconfig has no %s", kind)
	}
	list := lookup(to, kind)
	switch {
	case list == nil:
		yamlnode.Add(to, kind, brought)
		return nil
	case list.Tag == "!!null":
		*list = *brought
		return nil
	case list.Kind != yaml.SequenceNode:
		return fmt.Errorf("%s is not a list", kind)
	}
	list.Style &^= yaml.FlowStyle // [] becomes a block list
	for _, item := range brought.Content {
		if old := entry(list, nameOf(item)); old != nil {
			item.HeadComment, item.LineComment, item.FootComment = old.HeadComment, old.LineComment, old.FootComment
			*old = *item
			continue
		}
		list.Content = append(list.Content, item)
	}
	return nil
}

func nameOf(item *yaml.Node) string {
	if n := lookup(item, "name"); n != nil {
		return n.Value
	}
	return ""
}

func entry(list *yaml.Node, name string) *yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range list.Content {
		if nameOf(item) == name {
			return item
		}
	}
	return nil
}

// lookup is the value of a key; what an alias stands for has it too.
func lookup(m *yaml.Node, key string) *yaml.Node {
	if m != nil && m.Kind == yaml.AliasNode {
		m = m.Alias
	}
	return yamlnode.Lookup(m, key)
}
