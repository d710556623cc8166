package run

import (
	"flag"
	"regexp"
	"slices"
	"testing"

	"github.com/proa-os/proa/init/install/help"
)

// TestHelpHasFlags: the help explains each flag that is taken, and no other; so do its examples.
func TestHelpHasFlags(t *testing.T) {
	taken := map[string]bool{}
	(&flags{}).set().VisitAll(func(f *flag.Flag) { taken[f.Name] = true })
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^  --([a-z-]+)(?:, --([a-z-]+))?`).FindAllStringSubmatch(help.Text, -1) {
		explained = append(explained, m[1:]...)
	}
	for name := range taken {
		if !slices.Contains(explained, name) {
			t.Errorf("--%s is taken, and not in the help", name)
		}
	}
	for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(help.Text, -1) {
		if !taken[m[1]] {
			t.Errorf("--%s is in the help, and not taken", m[1])
		}
	}
}
