// Package pages reads the commands of a page of the documentation, so that tests run what users are told to run. It runs
// nothing itself, and refuses a page with commands that it cannot tell apart: for the reader's computer, or for a machine.
package pages

import (
	"fmt"
	"os"
	"strings"
)

// Machine and Server are the names that stand for a machine and a server of releases in docs/upgrade.md.
const (
	Machine = "edge-1"
	Server  = "https://releases.example.org/proa"
)

// Line is one command of a page.
type Line struct {
	Number    int // in the page
	Text      string
	OnMachine bool // it needs the machine
}

// Page is what a page has between fences.
type Page struct {
	Lines []Line
	YAML  []string // blocks of YAML, in their order
}

// Read reads a page.
func Read(path string) (p Page, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	fence, block := "", ""
	for i, line := range strings.Split(string(text), "\n") {
		kind, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && fence == "yaml":
			p.YAML, fence, block = append(p.YAML, block), "", ""
		case isFence && fence != "":
			fence = ""
		case isFence && kind != "sh" && kind != "yaml":
			return p, fmt.Errorf("%s:%d: a block of %q", path, i+1, kind)
		case isFence:
			fence = kind
		case fence == "yaml":
			block += line + "\n"
		case fence == "sh":
			p.Lines = append(p.Lines, Line{i + 1, command(line), strings.Contains(line, Machine)})
		}
	}
	if fence != "" {
		return p, fmt.Errorf("%s: a block of %s does not end", path, fence)
	}
	return p, nil
}

// command is a line without the comment behind it.
func command(line string) string {
	text, _, _ := strings.Cut(line, " # ")
	return strings.TrimSpace(text)
}
