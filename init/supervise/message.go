package supervise

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// Facts are the fields about the node that a service has sent (docs/contracts.md, "init → k3s"). They belong to the
// current run, except Failed, which is kept until the next run begins.
type Facts struct {
	NodeReady  bool     `json:"node_ready,omitempty"`
	NodeReason string   `json:"node_reason,omitempty"` // reason why it is not ready
	NodeName   string   `json:"node_name,omitempty"`
	NodeIP     string   `json:"node_ip,omitempty"`
	Problems   []string `json:"problems,omitempty"` // problems of a node that works otherwise
	Failed     string   `json:"failed,omitempty"`   // reason why the run ends or ended

	// Upgrade is what the cluster asks this machine to upgrade to; the zero request: it asks no more. nil: nothing was
	// said in this run.
	Upgrade *nodeupgrade.Request `json:"upgrade,omitempty"`
}

func (f Facts) equal(g Facts) bool {
	return f.NodeReady == g.NodeReady && f.NodeReason == g.NodeReason && f.NodeName == g.NodeName && f.NodeIP == g.NodeIP &&
		f.Failed == g.Failed && slices.Equal(f.Problems, g.Problems) && alike(f.Upgrade, g.Upgrade)
}

func alike(a, b *nodeupgrade.Request) bool { return a == b || a != nil && b != nil && *a == *b }

// Limits of what is kept of a message, in lines and bytes.
const (
	maxProblems = 32
	maxLine     = 512
)

// Message is one parsed sd_notify message.
type Message struct {
	Ready  bool
	Status *string // nil: no STATUS in the message
	facts  []func(*Facts)
}

// field is one row: how a field changes the facts. An invalid value changes nothing.
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
		{"X_UPGRADE", func(f *Facts, v string) { f.Upgrade = request(v, f.Upgrade) }},
		{"X_FAILED", func(f *Facts, v string) { f.Failed = line(v) }},
	}
}

// ParseNotify parses the fields that proa knows: READY=1, STATUS=text, and its own.
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

// lines parses a JSON array of strings; if it is invalid the previous value is kept.
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

// request parses the cluster's request; if it is invalid the previous one is kept.
func request(value string, before *nodeupgrade.Request) *nodeupgrade.Request {
	if value == "" {
		return &nodeupgrade.Request{}
	}
	r, err := nodeupgrade.ParseRequest(value)
	if err != nil {
		return before
	}
	return &r
}

// line returns text for a console: without control characters, and truncated.
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
