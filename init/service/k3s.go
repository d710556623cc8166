package service

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/config/yamlnode"
	"github.com/proa-os/proa/init/swap"
	"github.com/proa-os/proa/init/sys"
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

// Configure writes the runtime's config file, unless the runtime is not started. kept is a folder on the data partition for
// the node's password, which identifies the node to the cluster, while /etc is lost at every boot.
func Configure(s sys.Sys, root string, c *config.Config, hostname, kept string) error {
	if !c.K3s.Enabled {
		return nil
	}
	// until the next boot, what is removed from the configuration is still in use
	swapping := c.Swap != (config.Swap{}) || len(swap.InUse(root)) > 0
	text, err := K3sConfig(c.K3s, hostname, swapping)
	if err != nil {
		return step.User(err)
	}
	if err := s.MkdirAll(filepath.Dir(K3sConfigFile), 0o755); err != nil {
		return err
	}
	if err := s.WriteFile(K3sConfigFile, text, 0o600); err != nil {
		return err
	}
	if err := s.MkdirAll(kept, 0o700); err != nil {
		return err
	}
	return s.Symlink(kept, "/etc/rancher/node")
}

// K3sConfig renders the runtime's config file. The user's args come last and take precedence; a repeated list flag
// becomes a list.
func K3sConfig(k config.K3s, hostname string, swapping bool) ([]byte, error) {
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
	if swapping {
		add("kubelet-arg", "fail-swap-on=false") // pods get none: the kubelet's swapBehavior is NoSwap
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
