package laws

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// protocol is a set of words that two sides must spell alike although they may not import each other. A word that one
// side does not know would be dropped silently.
type protocol struct {
	Name   string
	Word   string // regular expression; its group is the word
	Places []string
	Reason string
}

var protocols = []protocol{
	{"fields of sd_notify", `(X_[A-Z][A-Z_]*)`, []string{"k3s/notify/*.go", "init/supervise/message.go", "docs/contracts.md"},
		"the runtime sends them to PID 1 over a socket"},
	{"flannel's subnet file", `"(/run/flannel/subnet\.env)"`, []string{"k3s/flannel/flannel.go", "k3s/cni/flannel/flannel.go"},
		"the runtime writes it and the CNI plugin, which must not link flannel, reads it"},
}

func TestBothSidesUseTheSameWords(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.Name, func(t *testing.T) {
			first := words(t, p.Word, p.Places[0])
			if len(first) == 0 {
				t.Fatalf("%s has no word of it: correct the law", p.Places[0])
			}
			for _, place := range p.Places[1:] {
				if diff := cmp.Diff(first, words(t, p.Word, place)); diff != "" {
					t.Errorf("%s\n(-%s +%s):\n%s", p.Reason, p.Places[0], place, diff)
				}
			}
		})
	}
}

// words returns the words in the files of a pattern, without tests.
func words(t *testing.T, expression, pattern string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no such file, %v", pattern, err)
	}
	for _, file := range files {
		if isTest, _ := filepath.Match("*_test.go", filepath.Base(file)); isTest {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(expression).FindAllSubmatch(text, -1) {
			all = append(all, string(found[1]))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
