package gosrc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/testfiles"
)

func TestGoSourcesFollowImportsAndEmbeds(t *testing.T) {
	repo := testfiles.Write(t, map[string]string{
		"go.mod":         "module github.com/proa-os/proa\n",
		"go.sum":         "",
		"a/main.go":      "package main\nimport (\n_ \"embed\"\n_ \"github.com/proa-os/proa/b\"\n_ \"github.com/proa-os/proa/a/generated\"\n)\n//go:embed data\nvar _ string\nfunc main() {}\n",
		"a/main_test.go": "package main\n",
		"a/data/x":       "1",
		"b/b.go":         "package b\n",
		"b/b_windows.go": "package b\n",
		"b/tagged.go":    "//go:build extra\n\npackage b\n",
		"c/c.go":         "package c\n",
		"README.md":      "",
	})
	list := func(dir string, tags ...string) []string {
		out, err := Files(repo, dir, "amd64", tags)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if d := cmp.Diff([]string{"a/data/x", "a/main.go", "b/b.go"}, list("./a")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := list("./b", "extra"); len(got) != 2 {
		t.Errorf("with a tag: %v", got)
	}
	if _, err := Files(repo, "./none", "amd64", nil); err == nil {
		t.Error("a program that is not there has sources")
	}
}
