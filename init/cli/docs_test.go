package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentsVerbs: the device commands in the documentation exist.
func TestDocumentsVerbs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	typed := regexp.MustCompile("(?:root@[A-Z]+ \"?|`|&& )proa ([a-z][a-z -]*)")
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		host := regexp.MustCompile("`proa (flash|run|plan|build|why|config-into|keys|release|verify|lock|bench|push|tool|version|help)")
		for _, m := range typed.FindAllStringSubmatch(host.ReplaceAllString(string(text), ""), -1) {
			if seen++; verbOf(m[1]) == "" && m[1] != "help" {
				t.Errorf("%s: no verb for `proa %s`", page, m[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d calls were found: the pages are not read", seen)
	}
}

func verbOf(words string) string {
	if v, _ := find(strings.Fields(words)); v != nil {
		return v.name
	}
	return ""
}
