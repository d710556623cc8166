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
		"c/c.go":         "package c\nimport (\n_ \"os\"\n_ \"github.com/proa-os/proa/b\"\n_ \"example.org/m/v2/sub\"\n)\n",
		"c/other.go":     "package c\nimport _ \"github.com/proa-os/proa/a\"\n",
		"README.md":      "",
	})
	list := func(dir string, tags ...string) []string {
		out, err := New(repo, "amd64", tags).Program(dir)
		if err != nil {
			t.Fatal(err)
		}
		return out.Files
	}
	if d := cmp.Diff([]string{"a/data/x", "a/main.go", "b/b.go"}, list("./a")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := list("./b", "extra"); len(got) != 2 {
		t.Errorf("with a tag: %v", got)
	}
	if _, err := New(repo, "amd64", nil).Program("./none"); err == nil {
		t.Error("a program that is not there has sources")
	}
	code, err := New(repo, "amd64", nil).Code("c/c.go")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Sources{[]string{"b/b.go", "c/c.go"}, []string{"example.org/m/v2/sub"}}, code); d != "" {
		t.Errorf("one file of c (-want +got):\n%s", d)
	}
}

func TestModules(t *testing.T) {
	repo := testfiles.Write(t, map[string]string{"go.mod": "module github.com/proa-os/proa\n\nrequire (\n\texample.org/m v1.0.0\n\texample.org/m/v2 v2.1.0 // indirect\n\texample.org/r v1.0.0\n)\n\nreplace example.org/r => example.org/fork v1.2.3\n"})
	mods, err := ReadModules(repo)
	if err != nil {
		t.Fatal(err)
	}
	got, err := mods.Versions([]string{"example.org/m/v2/sub", "example.org/r"})
	if d := cmp.Diff(map[string]string{"example.org/m/v2": "v2.1.0", "example.org/r": "example.org/fork@v1.2.3"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if _, err := mods.Versions([]string{"example.com/unknown"}); err == nil {
		t.Error("a package of no module has a version")
	}
}
