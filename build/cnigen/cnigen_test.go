package cnigen

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/testfiles"
)

func TestProgramBecomesPackage(t *testing.T) {
	dir := testfiles.Write(t, map[string]string{"x.go": "// Package main is a plugin.\npackage main\n\nfunc init() {}\n\n// main runs it.\nfunc main() { other{}.main() }\n\ntype other struct{}\n\nfunc (other) main() {}\n"})
	b, err := asPackage(filepath.Join(dir, "x.go"), "bridge")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"package bridge\n", "func Main() {", "func (other) main() {", "func init() {"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "x.go", b, 0); err != nil {
		t.Error(err)
	}
}

// TestOverlay takes a module with the plugins' directories and one file each.
func TestOverlay(t *testing.T) {
	files := map[string]string{}
	for _, dir := range plugins {
		files[dir+"/main.go"], files[dir+"/main_test.go"] = "package main\n\nfunc main() {}\n", "package main\n"
	}
	got, err := Overlay(testfiles.Write(t, files), "/repo", t.TempDir())
	if err != nil || len(got) != len(plugins) {
		t.Fatalf("%v, %v; want one file for each plugin and no tests", got, err)
	}
	b, err := os.ReadFile(got["/repo/k3s/cni/plugins/hostlocal/main.go"])
	if err != nil || string(b) != "package hostlocal\n\nfunc Main() {}\n" {
		t.Errorf("%q, %v", b, err)
	}
}
