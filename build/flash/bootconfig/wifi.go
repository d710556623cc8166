package bootconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/yamlnode"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
)

// WiFi is a network to join, and the country; an empty country keeps the existing one.
type WiFi struct {
	Name, Passphrase, Country string
}

// Check returns an error if the network is invalid. It does not repeat the passphrase.
func (w WiFi) Check() error {
	var text bytes.Buffer
	if err := yamlnode.Encode(&text, w.document()); err != nil {
		return err
	}
	if _, problems := config.Parse("", text.Bytes()); len(problems) > 0 {
		return fmt.Errorf("%s", problems[0].Message)
	}
	return nil
}

// document returns a configuration with only this network.
func (w WiFi) document() *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode}
	w.set(root)
	return root
}

// set puts the network into a document: it replaces the one of the same name, or appends it to the list.
func (w WiFi) set(root *yaml.Node) {
	network := child(root, "network", yaml.MappingNode)
	if w.Country != "" {
		*child(network, "wifi_country", yaml.ScalarNode) = *quoted(w.Country)
	}
	list := child(network, "wifi", yaml.SequenceNode)
	at := slices.IndexFunc(list.Content, func(n *yaml.Node) bool {
		return n.Kind == yaml.MappingNode && child(n, "name", yaml.ScalarNode).Value == w.Name
	})
	if at < 0 {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.MappingNode, Style: list.Style & yaml.FlowStyle})
		at = len(list.Content) - 1
	}
	*child(list.Content[at], "name", yaml.ScalarNode) = *quoted(w.Name)
	*child(list.Content[at], "passphrase", yaml.ScalarNode) = *quoted(w.Passphrase)
}

// quoted returns a quoted string, so that YAML does not take it for another type.
func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}

// child returns a key's value, or adds the key; a null value ("wifi:") is replaced. A value of another kind stays, and
// Check refuses it.
func child(m *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	n := yamlnode.Lookup(m, key)
	switch {
	case n == nil:
		n = &yaml.Node{Kind: kind}
		yamlnode.Add(m, key, n)
	case n.Tag == "!!null":
		*n = yaml.Node{Kind: kind}
	}
	return n
}

// WithWiFi adds a network, or replaces the one of that name. If the document has no key "network", text is appended and
// the rest stays as it is; otherwise it is serialised again, with its comments.
func (t Text) WithWiFi(w WiFi) (Text, error) {
	if err := w.Check(); err != nil {
		return t, err
	}
	joins := func(with Text) bool { return with.joins(w) }
	if with, ok := edited(t, joins, w, appendWiFi, insertWiFi); ok {
		return with, nil
	}
	return t, fmt.Errorf("%s: the network cannot be added to network.wifi; correct the file first", t.Name)
}

func (t Text) joins(w WiFi) bool {
	n := t.Config.Network
	return (w.Country == "" || n.WiFiCountry == w.Country) && slices.ContainsFunc(n.WiFi, func(have config.WiFi) bool {
		return have.Name == w.Name && have.Passphrase == w.Passphrase
	})
}

func appendWiFi(text []byte, w WiFi) []byte {
	var out bytes.Buffer
	out.Write(text)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		out.WriteByte('\n')
	}
	if yamlnode.Encode(&out, w.document()) != nil {
		return text
	}
	return out.Bytes()
}

func insertWiFi(text []byte, w WiFi) []byte {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return text // Check reports the error
	}
	w.set(doc.Content[0])
	var out bytes.Buffer
	if yamlnode.Encode(&out, &doc) != nil {
		return text
	}
	return out.Bytes()
}

// Board returns the board of an image from the manifest of a slot; empty if there is none.
func Board(img fat.Image, size int64) string {
	table, _, err := gpt.Read(img, size)
	if err != nil {
		return ""
	}
	for _, slot := range layout.Slots() {
		p, err := table.Find(layout.Boot, slot)
		if err != nil {
			continue
		}
		name := slotfile.ManifestName
		if p.Slot == layout.Shared {
			name = slot.Dir() + "/" + name
		}
		var manifest struct{ Board string }
		text, err := fat.ReadFile(img, p.Start, p.Size, name)
		if err == nil && json.Unmarshal(text, &manifest) == nil && manifest.Board != "" {
			return manifest.Board
		}
	}
	return ""
}
