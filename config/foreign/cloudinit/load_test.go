package cloudinit_test

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/decode"
	"github.com/proa-os/proa/config/foreign/cloudinit"
	"github.com/proa-os/proa/config/foreign/draft"
)

// load returns the configuration that a document gives, its errors and its notes, each in a line.
func load(text string) (c *config.Config, errors, notes string) {
	foreign := func(_, _ string, doc *yaml.Node) (*draft.Draft, bool) {
		d := draft.New()
		cloudinit.Translate(d, doc)
		return d, true
	}
	c = config.Default()
	problems, _ := decode.Load(c, decode.Options{Foreign: foreign}, decode.Document("user-data", []byte(text)))
	for _, p := range problems {
		if p.Note {
			notes += p.String() + "\n"
		} else {
			errors += p.String() + "\n"
		}
	}
	return c, errors, notes
}

// sound loads a document that has no errors.
func sound(t *testing.T, text string) (*config.Config, string) {
	t.Helper()
	c, errors, notes := load("#cloud-config\n" + text)
	if errors != "" {
		t.Errorf("%s\n%s", text, errors)
	}
	return c, notes
}

// says fails if a text lacks one of the words.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}
