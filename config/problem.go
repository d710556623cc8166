package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/proa-os/proa/config/rule"
)

// Problem is one thing that is wrong with a document, and where.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message // found when the document was put into practice
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// CommandLine is the File of problems on the kernel command line; their column counts its characters.
const CommandLine = "kernel command line"

// Nearest returns the candidate that word was most likely meant to be, or "".
func Nearest(word string, candidates []string) string { return rule.Nearest(word, candidates) }

// unknown is the message for a key that does not exist. It is repeated only where it is nearly a key: what stands in a wrong place may be a
// part of a secret.
func unknown(key string, known []string) string {
	if n := Nearest(key, known); n != "" {
		return fmt.Sprintf("unknown key %q; did you mean %q?", key, n)
	}
	sort.Strings(known)
	return "unknown key; known here: " + strings.Join(known, ", ")
}
