package cloudinit_test

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/cloudinit"
	"github.com/proa-os/proa/config/foreign/foreigntest"
)

// load returns the configuration that a document gives, its errors and its notes, each in a line.
func load(text string) (c *config.Config, errors, notes string) {
	return foreigntest.Load("user-data", text, cloudinit.Translate)
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
