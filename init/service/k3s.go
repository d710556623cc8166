package service

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/yamlnode"
	"gopkg.in/yaml.v3"
)

// K3sConfigFile is the runtime's config file; its keys are flag names.
const K3sConfigFile = k3sflags.ConfigFile

// Role returns the verb the runtime is started with.
func Role(k config.K3s) string {
	switch {
	case k.Role != "":
		return k.Role
	case k.ServerURL != "":
		return "agent"
	}
	return "server"
}

// K3sConfig renders the runtime's config file. The user's args come last and take precedence; a repeated list flag
// becomes a list.
func K3sConfig(k config.K3s, hostname string) ([]byte, error) {
	doc := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, values ...string) { addFlag(doc, key, values...) }
	add("node-name", hostname)
	if k.ServerURL != "" {
		add("server", k.ServerURL)
	}
	if k.Token != "" {
		add("token", k.Token)
	}
	for _, key := range slices.Sorted(maps.Keys(k.Labels)) {
		add("node-label+", key+"="+k.Labels[key])
	}
	for _, t := range k.Taints {
		add("node-taint+", t)
	}
	for i, a := range k.Args {
		name, value, given := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if name == "" || !strings.HasPrefix(a, "--") {
			return nil, fmt.Errorf("args[%d] is not --flag or --flag=value", i)
		}
		if k3sflags.Granted(name) {
			continue
		}
		if !given {
			value = "true"
		}
		add(name, value)
	}
	finish(doc)
	return yaml.Marshal(doc)
}

// addFlag appends to a list flag; any other flag gets the last value.
func addFlag(doc *yaml.Node, key string, values ...string) {
	key = strings.TrimSuffix(key, "+")
	flag, _ := k3sflags.Named(key) // config has verified that the flag exists
	many := flag.List()
	for _, v := range values {
		item := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
		if v != "true" && v != "false" {
			item.SetString(v)
		}
		slot := yamlnode.Lookup(doc, key)
		switch {
		case slot == nil && many:
			slot = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{item}}
			yamlnode.Add(doc, key, slot)
		case slot == nil:
			yamlnode.Add(doc, key, item)
		case many:
			slot.Content = append(slot.Content, item)
		default:
			*slot = *item
		}
	}
}

func finish(doc *yaml.Node) {
	doc.HeadComment = "written by proa at every boot from the k3s section of its config"
}
