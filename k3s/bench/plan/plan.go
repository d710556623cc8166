// Package plan is the list of processes that the preparation writes and launch runs. It has no flags and starts
// nothing.
package plan

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Step is one process. With Ready it is a daemon; without, it must exit successfully before the next step.
type Step struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	// Ready is the readiness probe: tcp:HOST:PORT or unix:PATH accepts connections, file:PATH exists, now: at once.
	Ready string `json:"ready,omitempty"`
	// Retry repeats a process that is not a daemon until it succeeds.
	Retry bool `json:"retry,omitempty"`
}

func (s Step) String() string {
	kind := "run  "
	if s.Ready != "" {
		kind = "start"
	}
	if s.Retry {
		kind = "until"
	}
	line := fmt.Sprintf("%s %s\n", kind, s.Name)
	for _, arg := range s.Argv {
		line += "      " + arg + "\n"
	}
	if s.Ready != "" {
		line += "      ready: " + s.Ready + "\n"
	}
	return line
}

// Plan is the list of steps in order.
type Plan struct {
	LogDir string `json:"log_dir"`
	Steps  []Step `json:"steps"`
}

func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String())
	}
	return b.String()
}

// Write writes the plan. It has paths of key files but no keys.
func (p Plan) Write(path string) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// Read reads what Write wrote.
func Read(path string) (p Plan, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
