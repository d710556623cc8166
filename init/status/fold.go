package status

import (
	"fmt"
	"strings"
)

// Text has a column of labels and a column of values; values are wrapped within their column, for terminals of 80
// columns. A word that is longer, such as a path, is not broken.
const (
	labelWidth = 11
	textWidth  = 80 - labelWidth
)

// row returns one entry of Text, wrapped if necessary. Line breaks in the text are kept.
func row(label, text string) string {
	var b strings.Builder
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		for _, line := range fold(paragraph) {
			b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", labelWidth, label, line), " ") + "\n")
			label = ""
		}
	}
	return b.String()
}

// fold wraps at spaces. A text that fits is not changed.
func fold(text string) (lines []string) {
	for len([]rune(text)) > textWidth {
		head := string([]rune(text)[:textWidth+1])
		at := strings.LastIndex(head, " ")
		if strings.TrimSpace(text[:max(at, 0)]) == "" {
			if at = strings.Index(text[len(head):], " "); at < 0 {
				break
			}
			at += len(head)
		}
		lines, text = append(lines, text[:at]), strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}
