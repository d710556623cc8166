package status

import (
	"fmt"
	"strings"
)

// A line of Text is a label and what it says, which goes on below itself and never under the labels: the narrowest terminal in use has 80
// columns. A word that is longer, such as a path, stays in one piece.
const (
	labelWidth = 11
	textWidth  = 80 - labelWidth
)

// row is one entry of Text, on as many lines as it needs. Line breaks of the text stay.
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

// fold breaks at spaces. What fits is returned as it is.
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
