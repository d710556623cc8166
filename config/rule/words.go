package rule

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// Invisible says whether r is white space or an invisible character: joiners, direction marks, a byte order mark.
func Invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// Hidden describes the first invisible character of a value, other than a space.
func Hidden(value string) string {
	for _, r := range value {
		switch {
		case r == '\n':
			return "; it contains a line break"
		case r == '\t':
			return "; it contains a tab"
		case r != ' ' && (Invisible(r) || unicode.IsControl(r)):
			return fmt.Sprintf("; it contains an invisible character, U+%04X", r)
		}
	}
	return ""
}

// Nearest returns the candidate closest to word, or "".
func Nearest(word string, candidates []string) string {
	return near(strings.ReplaceAll(word, "-", "_"), candidates, "_")
}

// near compares names with the word separator sep.
func near(word string, candidates []string, sep string) string {
	word = strings.ReplaceAll(strings.ReplaceAll(word, "_", sep), "-", sep)
	best, bestDist := "", 3
	if len(word) <= 3 {
		bestDist = len(word) - 1 // of a short word more than half must match
	}
	sorted := append([]string{}, candidates...)
	sort.Strings(sorted)
	for _, c := range sorted {
		if d := distance(strings.ToLower(word), c); d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// distance returns the number of letters to change, add, delete or swap with a neighbour.
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
