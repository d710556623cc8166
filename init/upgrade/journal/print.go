package journal

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes the entries for people, the newest last.
func (j Journal) Print(w io.Writer) {
	if len(j.Entries) == 0 {
		fmt.Fprintln(w, "no upgrade was made yet")
	}
	for _, e := range j.Entries {
		fmt.Fprint(w, e.Text())
	}
	for _, g := range j.GivenUp {
		fmt.Fprintf(w, "given up: %s since %s, not tried again by itself: %s\n", g.Version, stamp(g.At), g.Reason)
	}
}

// Text describes an entry in a line, and lines about its trial boots.
func (e Entry) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d  %s  %s → %s  %s\n", e.ID, stamp(e.Began), e.From.Version, e.To.name(), e.outcome())
	detail := fmt.Sprintf("from %s, by %s", e.Source, e.By)
	if e.Kind != "" {
		detail += ", " + e.Kind
	}
	if e.Bytes > 0 {
		detail += fmt.Sprintf(", %.1f MB", float64(e.Bytes)/1e6) + e.Near.Text()
	}
	if !e.Wrote.IsZero() {
		detail += fmt.Sprintf(", written in %s", e.Wrote.Sub(e.Began).Round(time.Second))
	}
	if e.Way != "" {
		detail += ", tried by " + string(e.Way)
	}
	if took := e.Judged.Sub(e.Tried); !e.Judged.IsZero() && !e.Tried.IsZero() && took >= 0 { // the clock may have been set back
		detail += fmt.Sprintf(", trial of %s", took.Round(time.Second))
	}
	fmt.Fprintf(&b, "   %s\n", detail)
	if e.NoSwap != "" {
		fmt.Fprintf(&b, "   %s\n", strings.ReplaceAll(e.NoSwap, "\n", "\n   "))
	}
	for _, l := range e.Rehearsal {
		fmt.Fprintf(&b, "   %s\n", l)
	}
	for _, l := range e.Lines {
		fmt.Fprintf(&b, "   %s\n", l)
	}
	if len(e.Console.Lines) > 0 {
		fmt.Fprintf(&b, "   last lines of a boot that was lost (%s):\n", e.Console.From)
	}
	for _, l := range e.Console.Lines {
		fmt.Fprintf(&b, "   | %s\n", l)
	}
	return b.String()
}

func (r Release) name() string {
	if r.Version == "" {
		return "?"
	}
	return r.Version
}

func (e Entry) outcome() string {
	said := string(e.Result)
	if e.State != Ended {
		said = map[State]string{Writing: "is being written", Written: "is written; to boot it: proa upgrade apply", Trying: "is on trial"}[e.State]
	}
	if e.Reason != "" {
		said += ": " + strings.ReplaceAll(e.Reason, "\n", "\n   ")
	}
	return said
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
