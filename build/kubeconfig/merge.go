package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"

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
	current := yamlnode.Lookup(from, "current-context")
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
	if has := yamlnode.Lookup(to, "current-context"); has == nil {
		yamlnode.Add(to, "current-context", current)
	} else if has.Value == "" {
		*has = *current
	}
	var out bytes.Buffer
	err = yamlnode.Encode(&out, doc)
	return out.Bytes(), name, err
}

// parse returns nil for an empty document. Errors do not quote the text, because it has keys in it.
func parse(text []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("is not valid YAML")
	}
	if doc.Kind == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("is not a kubeconfig")
	}
	return &doc, nil
}

// sameCluster says whether the cluster called name in to has the same certificate authority as in from, or does not
// exist.
func sameCluster(to, from *yaml.Node, name string) bool {
	for _, kind := range kinds {
		there, brought := entry(yamlnode.Lookup(to, kind), name), entry(yamlnode.Lookup(from, kind), name)
		if there == nil || brought == nil {
			continue
		}
		mine := authority(to, name)
		return mine != "" && mine == authority(from, name)
	}
	return true
}

func authority(doc *yaml.Node, name string) string {
	if ca := yamlnode.Lookup(yamlnode.Lookup(entry(yamlnode.Lookup(doc, "clusters"), name), "cluster"), "certificate-authority-data"); ca != nil {
		return ca.Value
	}
	return ""
}

func mergeList(to, from *yaml.Node, kind string) error {
	brought := yamlnode.Lookup(from, kind)
	if brought == nil || brought.Kind != yaml.SequenceNode {
		return fmt.Errorf("the node's kubeconfig has no %s", kind)
	}
	list := yamlnode.Lookup(to, kind)
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
	if n := yamlnode.Lookup(item, "name"); n != nil {
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
