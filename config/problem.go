package config

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong with a document, and where.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// CommandLine is the File of problems on the kernel command line; their column counts its characters.
const CommandLine = "kernel command line"

// Nearest returns the candidate that word was most likely meant to be, or "".
func Nearest(word string, candidates []string) string {
	best, bestDist := "", 3
	if len(word) <= 3 {
		bestDist = len(word) - 1 // of a short word more than half must be right
	}
	sorted := append([]string{}, candidates...)
	sort.Strings(sorted)
	for _, c := range sorted {
		if d := distance(strings.ToLower(strings.ReplaceAll(word, "-", "_")), c); d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// distance is the number of letters to change, add, drop or swap with a neighbour.
func distance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}

// unknown is the message for a key that does not exist.
func unknown(key string, known []string) string {
	if n := Nearest(key, known); n != "" {
		return fmt.Sprintf("unknown key %q; did you mean %q?", key, n)
	}
	sort.Strings(known)
	return fmt.Sprintf("unknown key %q; known here: %s", key, strings.Join(known, ", "))
}
