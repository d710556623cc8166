package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/chain"
)

// documents returns the user documentation, by path relative to this directory.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%v, %v", pages, err)
	}
	texts := map[string]string{}
	for _, page := range append(pages, "../README.md", "../boards/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
	}
	return texts
}

// TestDocumentsCommands: the make targets, verbs and linked files that the documentation names exist.
func TestDocumentsCommands(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile("(?:`|^|&& )make ((?:[a-z][a-z0-9-]* ?)+)")
	verb := regexp.MustCompile(`go run \./build ([a-z][a-z-]*)`)
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	seen := 0
	for page, text := range documents(t) {
		for line := range strings.Lines(text) {
			for _, m := range target.FindAllStringSubmatch(line, -1) {
				for _, name := range strings.Fields(m[1]) {
					if seen++; !regexp.MustCompile(`(?m)^` + name + `:`).Match(makefile) {
						t.Errorf("%s: make %s: no such target", page, name)
					}
				}
			}
			for _, m := range verb.FindAllStringSubmatch(line, -1) {
				if _, err := findVerb(m[1]); err != nil && m[1] != "help" {
					t.Errorf("%s: %v", page, err)
				}
			}
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d targets of make were found: the pages are not read", seen)
	}
}

// TestDocumentsChains: the table of boot chains in the documentation is that of the code.
func TestDocumentsChains(t *testing.T) {
	if text := documents(t)["../docs/contracts.md"]; !strings.Contains(text, "```\n"+chain.Table().String()+"```\n") {
		t.Errorf("docs/contracts.md has another table of boot chains than\n%s", chain.Table())
	}
}

// TestDocumentsFlags: each flag that the documentation passes to a verb is a flag of that verb.
func TestDocumentsFlags(t *testing.T) {
	call := regexp.MustCompile("go run \\./build ([a-z-]+)([^`\n#]*)")
	seen := 0
	for page, text := range documents(t) {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			seen++
			v, err := findVerb(m[1])
			if err != nil || m[1] == "tool" {
				continue // unknown verbs are the other test's; arguments after a tool belong to the tool
			}
			for _, word := range strings.Fields(m[2]) {
				name, isFlag := strings.CutPrefix(word, "--")
				if name, _, _ = strings.Cut(name, "="); isFlag && name != "" && v.flagSet(&options{}).Lookup(name) == nil {
					t.Errorf("%s: proa %s has no --%s", page, m[1], name)
				}
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d calls were found: the pages are not read", seen)
	}
}

// TestHelpFlags: the examples in the help of a verb, and the flags that it explains, are of verbs that take these flags. All
// flags that are taken are listed, since the list is made of them.
func TestHelpFlags(t *testing.T) {
	call := regexp.MustCompile(`(?m)^ *(?:\S+=\S+ )*(?:go run \./build|proa) ([a-z-]+)([^\n#|&]*)`)
	seen := 0
	for _, v := range verbs() {
		var out strings.Builder
		v.print(&out)
		for _, m := range call.FindAllStringSubmatch(out.String(), -1) {
			of, err := findVerb(m[1])
			if err != nil {
				t.Errorf("proa help %s: %s: %v", v.name, m[0], err)
				continue
			}
			for _, word := range strings.Fields(m[2]) {
				name, isFlag := strings.CutPrefix(strings.Trim(word, "[]()\"',;."), "--")
				if name == "" && isFlag {
					break // what follows is not proa's
				}
				if name, _, _ = strings.Cut(name, "="); isFlag {
					if seen++; of.flagSet(&options{}).Lookup(name) == nil {
						t.Errorf("proa help %s: proa %s has no --%s", v.name, of.name, name)
					}
				}
			}
		}
		for _, m := range regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(v.short+" "+v.args, -1) {
			if v.flagSet(&options{}).Lookup(m[1]) == nil {
				t.Errorf("proa %s says --%s, which it does not take", v.name, m[1])
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d flags in examples were found: the help is not read", seen)
	}
}
