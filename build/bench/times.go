package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// line is one console line and its time since power-on.
type line struct {
	at   time.Duration
	text string
}

// stopwatch records the time of each console line.
type stopwatch struct {
	began time.Time
	copy  io.Writer // may be nil
	mu    sync.Mutex
	part  []byte
	lines []line
}

func (s *stopwatch) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copy != nil {
		_, _ = s.copy.Write(p) // ignore errors: a closed terminal must not stop the machine
	}
	for _, b := range p {
		if b != '\n' {
			s.part = append(s.part, b)
			continue
		}
		s.lines = append(s.lines, line{time.Since(s.began), strings.TrimRight(string(s.part), "\r")})
		s.part = s.part[:0]
	}
	return len(p), nil
}

func (s *stopwatch) all() []line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]line(nil), s.lines...)
}

// milestone is a row of the table of times: the first console line with all of these texts.
type milestone struct {
	name  string
	texts []string
}

// milestones are in chronological order.
func milestones() []milestone {
	return []milestone{
		{"PID 1", []string{"proa: boot 1/"}},
		{"boot steps done", []string{"proa: up slot="}},
		{"network", []string{"proa: status addresses ", "="}},
		{"API server ready", []string{"proa: status k3s", "apiserver: ready"}},
		{"node Ready", []string{"proa: status k3s ready"}},
	}
}

// Time is the time of a milestone since power-on.
type Time struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// find finds every milestone; a missing one is an error, because a table with a gap would hide it.
func find(lines []line, wanted []milestone) (times []Time, err error) {
next:
	for _, m := range wanted {
		for _, l := range lines {
			if l.has(m.texts) {
				times = append(times, Time{m.name, l.at.Seconds()})
				continue next
			}
		}
		return times, fmt.Errorf("no console line with %q", m.texts)
	}
	return times, nil
}

func (l line) has(texts []string) bool {
	for _, t := range texts {
		if !strings.Contains(l.text, t) {
			return false
		}
	}
	return true
}

// Step is one line of the machine's own timeline.
type Step struct {
	List    string  `json:"list"`
	Name    string  `json:"name"`
	StartMs int64   `json:"start_ms"` // since the kernel started
	TookMs  float64 `json:"took_ms"`
}

// parseTimeline parses the files of one or more lists in /run/proa/timeline.
func parseTimeline(data string) (steps []Step, err error) {
	for files := json.NewDecoder(strings.NewReader(data)); files.More(); {
		var list []Step
		if err := files.Decode(&list); err != nil {
			return nil, fmt.Errorf("timeline: %w", err)
		}
		steps = append(steps, list...)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("timeline: empty")
	}
	return steps, nil
}

// slowest returns the step that took longest.
func slowest(steps []Step) (worst Step) {
	for _, s := range steps {
		if s.TookMs > worst.TookMs {
			worst = s
		}
	}
	return worst
}
