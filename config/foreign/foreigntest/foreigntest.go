// Package foreigntest has what the tests of the readers of foreign documents share. It asserts nothing about what a
// document means.
package foreigntest

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/decode"
	"github.com/proa-os/proa/config/foreign/draft"
)

// Parsed returns the value of a text in YAML.
func Parsed(t testing.TB, text string) (out any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Drafted returns the document of a draft, and what is said about it, by its reader and by the schema's own check, each
// in a line; refusals are marked.
func Drafted(t testing.TB, d *draft.Draft) (document any, said string) {
	t.Helper()
	var lines []string
	for _, n := range d.Notes {
		lines = append(lines, map[bool]string{true: "refused: "}[n.Refused]+n.Message)
	}
	out, err := yaml.Marshal(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range config.Load(config.Document("test", out)).Problems {
		lines = append(lines, "schema: "+p.Message)
	}
	return Parsed(t, string(out)), strings.Join(lines, "\n")
}

// Network returns the network section that a reader makes of a document, and what is said about it.
func Network(t testing.TB, text string, translate func(*draft.Draft, *yaml.Node)) (section any, said string) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	d := draft.New()
	translate(d, doc.Content[0])
	document, said := Drafted(t, d)
	return document.(map[string]any)["network"], said
}

// Load returns the configuration that a reader makes of a document, its errors and its notes, each in a line.
func Load(file, text string, translate func(*draft.Draft, *yaml.Node)) (c *config.Config, errors, notes string) {
	foreign := func(_, _ string, doc *yaml.Node) (*draft.Draft, bool) {
		d := draft.New()
		translate(d, doc)
		return d, true
	}
	c = config.Default()
	problems, _ := decode.Load(c, decode.Options{Foreign: foreign}, decode.Document(file, []byte(text)))
	errors, notes = Split(problems)
	return c, errors, notes
}

// Split divides problems in errors and notes, each in a line.
func Split(problems []config.Problem) (errors, notes string) {
	for _, p := range problems {
		if p.Note {
			notes += p.String() + "\n"
		} else {
			errors += p.String() + "\n"
		}
	}
	return errors, notes
}
