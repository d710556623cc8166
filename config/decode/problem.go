package decode

import (
	"fmt"
	"sort"
	"strings"

	"github.com/proa-os/proa/config/rule"
)

// Problem is one error in a document, or a note about it, and its place.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Note marks what is no error: a key of a foreign document that has no effect here, with the reason and the way to
	// get it.
	Note bool `json:"note,omitempty"`
	// Lost marks a text that is damaged: more may have stood there than could be read.
	Lost bool `json:"-" yaml:"-"`
}

func (p Problem) String() string {
	said := p.Message
	if p.Note {
		said = "note: " + said
	}
	if p.Line == 0 {
		return p.File + ": " + said // found when the configuration was applied
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, said)
}

// Nearest returns the candidate closest to word, or "".
func Nearest(word string, candidates []string) string { return rule.Nearest(word, candidates) }

// unknown returns the message for an unknown key. It quotes the key only if it resembles a known one, because it may be
// part of a secret.
func unknown(key string, known []string) string {
	if n := Nearest(key, known); n != "" {
		return fmt.Sprintf("unknown key %q; did you mean %q?", key, n)
	}
	sort.Strings(known)
	return "unknown key; known here: " + strings.Join(known, ", ")
}
