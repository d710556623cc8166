package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
)

// runConfig is the config.yaml of a machine to run: the user's or a minimal one, with the keys that may
// log in. A file that is no YAML mapping goes in as it is: what the machine makes of it is the question.
func runConfig(o options, keys ...string) ([]byte, error) {
	if o.sshKey != "" {
		b, err := os.ReadFile(o.sshKey)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(b, []byte("PRIVATE KEY")) {
			return nil, fmt.Errorf("%s is a private key; give the public one, it ends in .pub", o.sshKey)
		}
		keys = append(keys, strings.TrimSpace(string(b)))
	}
	text := []byte("version: 1\nhostname: proa\n")
	if o.config != "" {
		var err error
		if text, err = os.ReadFile(o.config); err != nil {
			return nil, err
		}
	}
	return addKeys(text, keys), nil
}

const keysName = "ssh_authorized_keys"

func addKeys(text []byte, keys []string) []byte {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return text
	}
	list := sequence(doc.Content[0], keysName)
	if list == nil {
		return text
	}
	for _, k := range keys {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: k})
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return text
	}
	return out
}

// sequence finds or makes the list under a key; nil if something else stands there.
func sequence(m *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			if m.Content[i+1].Kind != yaml.SequenceNode {
				return nil
			}
			return m.Content[i+1]
		}
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, list)
	return list
}

// injectConfig replaces config.yaml in the boot partition of a disk image of ours.
func injectConfig(file string, b boards.Board, config []byte) error {
	table, err := recipe.Spec(b).Fit(recipe.Spec(b).ImageSize())
	if err != nil {
		return err
	}
	boot, err := table.Find(layout.Boot, layout.A)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = fat.Inject(f, boot.Start, boot.Size, bootfs.ConfigFile, config, time.Now())
	return errors.Join(err, f.Close())
}

// mustKind is a kind of the table by a name that stands in our own source.
func mustKind(name string) images.Kind {
	for _, k := range images.Kinds() {
		if k.Name == name {
			return k
		}
	}
	panic("BUG: no image kind " + name)
}
