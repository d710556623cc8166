package status

import (
	"errors"
	"strings"
	"testing"
)

// TestLongTextKeepsItsColumn: a long or multi-line error is wrapped within its column, and no word is lost.
func TestLongTextKeepsItsColumn(t *testing.T) {
	path := "/" + strings.Repeat("long/", 30)
	long := "write-files: " + strings.Repeat("permission denied ", 12) + "end"
	s := Status{K3s: "off", FailedSteps: []string{errors.Join(errors.New("network: one"), errors.New("network: two")).Error(), long, "mount " + path + " fails " + path}}
	text := s.Text()
	rest := text[strings.Index(text, "FAILED"):]
	for i, line := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n") {
		if label := line[:labelWidth]; label != "FAILED     " && label != strings.Repeat(" ", labelWidth) {
			t.Errorf("line %d begins below the labels: %q", i, line)
		}
		if len(line) > 80 && !strings.Contains(line, path) {
			t.Errorf("line %d has %d columns", i, len(line))
		}
	}
	if got, want := strings.Join(strings.Fields(strings.ReplaceAll(rest, "FAILED", "")), " "), strings.Join(strings.Fields(strings.Join(s.FailedSteps, " ")), " "); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if !strings.Contains(rest, "FAILED     network: one\n           network: two\n") {
		t.Errorf("two causes:\n%s", rest)
	}
}
