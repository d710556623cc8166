// Package bootconfig writes config.yaml into a boot partition: it checks the text as the device will, adds an SSH key
// or a Wi-Fi network, and writes it to the FAT of a disk or an image. It finds the partition by the partition table and
// not by the board. It repairs neither tables nor file systems, and reads no compressed images.
package bootconfig

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/yamlnode"
)

// Text is a config.yaml with its problems.
type Text struct {
	Name     string // name of the source file, for messages
	Bytes    []byte
	Problems []config.Problem
	Config   *config.Config // the valid parts
}

// Check decodes a text as the device does.
func Check(name string, text []byte) Text {
	c, problems := config.Parse(name, text)
	return Text{name, text, problems, c}
}

// Load reads a file and checks it.
func Load(file string) (Text, error) {
	b, err := config.Read(file)
	if err != nil {
		return Text{}, err
	}
	if len(b) == 0 {
		return Text{}, fmt.Errorf("%s is empty", file) // an empty configuration is probably a mistake
	}
	return Check(file, b), nil
}

// keysName is the key of the list of public keys.
const keysName = "ssh_authorized_keys"

// PublicKey reads a public key file as ssh-keygen writes it.
func PublicKey(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := string(config.Plain(b))
	if strings.Contains(text, "PRIVATE KEY") {
		return "", fmt.Errorf("%s is a private key; give the public one, it ends in .pub", file)
	}
	c, problems := config.Parse(file, keyList(text))
	switch keys := c.SSHAuthorizedKeys; {
	case len(problems) > 0:
		return "", fmt.Errorf("%s is no public key: %s", file, problems[0].Message)
	case len(keys) != 1:
		return "", fmt.Errorf("%s has more than one key; give a file of one public key", file)
	default:
		return keys[0], nil
	}
}

func keyList(key string) []byte {
	return fmt.Appendf(nil, "%s:\n  - %q\n", keysName, key)
}

// WithKey adds an authorized key. It appends to the list as text where that works, which keeps the user's formatting;
// otherwise the document is serialised again, with its comments.
func (t Text) WithKey(key string) (Text, error) {
	if slices.Contains(t.Config.SSHAuthorizedKeys, key) {
		return t, nil
	}
	has := func(with Text) bool { return slices.Contains(with.Config.SSHAuthorizedKeys, key) }
	if with, ok := edited(t, has, key, appendKey, insertKey); ok {
		return with, nil
	}
	return t, fmt.Errorf("%s: the key cannot be added to %s; correct the file first", t.Name, keysName)
}

// edited returns the first edit of the text that has what is wanted and no new problem. Each edit is tried on the text
// as it is, then on the text in UTF-8, because nothing can be appended to other encodings.
func edited[T any](t Text, has func(Text) bool, what T, edits ...func([]byte, T) []byte) (Text, bool) {
	for _, text := range [][]byte{t.Bytes, config.Plain(t.Bytes)} {
		for _, edit := range edits {
			if with := Check(t.Name, edit(text, what)); has(with) && len(with.Problems) <= len(t.Problems) {
				return with, true
			}
		}
	}
	return t, false
}

func appendKey(text []byte, key string) []byte {
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), '\n')
	}
	return append(bytes.Clone(text), keyList(key)...)
}

func insertKey(text []byte, key string) []byte {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return text // Check reports the error
	}
	list := child(doc.Content[0], keysName, yaml.SequenceNode)
	if list.Kind != yaml.SequenceNode {
		return text
	}
	list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key})
	var out bytes.Buffer
	if yamlnode.Encode(&out, &doc) != nil {
		return text
	}
	return out.Bytes()
}

// Refuse returns an error if the device would find problems. The caller prints the problems.
func (t Text) Refuse(force bool) error {
	n := config.Errors(t.Problems)
	if n == 0 || force {
		return nil
	}
	noun := "problems"
	if n == 1 {
		noun = "problem"
	}
	return fmt.Errorf("%s has %d %s\nhint: --force takes it as it is; the device then leaves out what is wrong", t.Name, n, noun)
}

// Summary returns one line with what a user should check.
func (t Text) Summary() string {
	parts := []string{"a hostname of its own", "no SSH key: nobody can log in"}
	if t.Config.Hostname != "" {
		parts[0] = t.Config.Hostname
	}
	switch keys := len(t.Config.SSHAuthorizedKeys); keys {
	case 0:
	case 1:
		parts[1] = "1 SSH key"
	default:
		parts[1] = fmt.Sprintf("%d SSH keys", keys)
	}
	for _, w := range t.Config.Network.WiFi {
		parts = append(parts, fmt.Sprintf("Wi-Fi %q", w.Name))
	}
	return strings.Join(parts, ", ")
}
