package supervise

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// Facts are what a service says of the node in fields of our own (docs/contracts.md, "init → k3s"). They are those of the run under way,
// but Failed, which stays until the next run begins.
type Facts struct {
	NodeReady  bool     `json:"node_ready,omitempty"`
	NodeReason string   `json:"node_reason,omitempty"` // why it is not ready
	NodeName   string   `json:"node_name,omitempty"`
	NodeIP     string   `json:"node_ip,omitempty"`
	Problems   []string `json:"problems,omitempty"` // what does not work though the node does
	Failed     string   `json:"failed,omitempty"`   // why the run ends, or ended
}

func (f Facts) equal(g Facts) bool {
	return f.NodeReady == g.NodeReady && f.NodeReason == g.NodeReason && f.NodeName == g.NodeName && f.NodeIP == g.NodeIP &&
		f.Failed == g.Failed && slices.Equal(f.Problems, g.Problems)
}

// Bounds of what is kept of a message, in lines and bytes.
const (
	maxProblems = 32
	maxLine     = 512
)

// Message is what one sd_notify message says.
type Message struct {
	Ready  bool
	Status *string // nil: nothing was said
	facts  []func(*Facts)
}

// field is one row: what a field of our own changes. A value that is none of its kind changes nothing.
type field struct {
	key  string
	take func(f *Facts, value string)
}

func fields() []field {
	return []field{
		{"X_NODE_READY", func(f *Facts, v string) { f.NodeReady = v == "1" }},
		{"X_NODE_REASON", func(f *Facts, v string) { f.NodeReason = line(v) }},
		{"X_NODE_NAME", func(f *Facts, v string) { f.NodeName = line(v) }},
		{"X_NODE_IP", func(f *Facts, v string) { f.NodeIP = line(v) }},
		{"X_PROBLEMS", func(f *Facts, v string) { f.Problems = lines(v, f.Problems) }},
		{"X_FAILED", func(f *Facts, v string) { f.Failed = line(v) }},
	}
}

// ParseNotify reads the fields that proa knows: READY=1, STATUS=text, and its own.
func ParseNotify(text string) (msg Message) {
	table := fields()
	for _, l := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(l, "=")
		switch key {
		case "READY":
			msg.Ready = value == "1"
		case "STATUS":
			status := line(value)
			msg.Status = &status
		}
		if i := slices.IndexFunc(table, func(f field) bool { return f.key == key }); i >= 0 {
			msg.facts = append(msg.facts, func(f *Facts) { table[i].take(f, value) })
		}
	}
	return msg
}

// lines reads a JSON array; what is none leaves what was said before.
func lines(value string, before []string) (out []string) {
	var all []string
	if json.Unmarshal([]byte(value), &all) != nil {
		return before
	}
	for _, l := range all[:min(len(all), maxProblems)] {
		out = append(out, line(l))
	}
	return out
}

// line is text that is fit for a console: no control characters, and bounded.
func line(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if s = strings.TrimSpace(s); len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine-3], "") + "..."
	}
	return s
}
