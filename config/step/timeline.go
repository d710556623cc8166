package step

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Result is one line of the timeline.
type Result struct {
	List    string  `json:"list"`
	Index   int     `json:"index"`
	Count   int     `json:"count"`
	Name    string  `json:"name"`
	Policy  Policy  `json:"policy"`
	StartMs int64   `json:"start_ms"` // since the kernel started
	TookMs  float64 `json:"took_ms"`
	Error   string  `json:"error,omitempty"`
	// User are the errors of the user's configuration; the step itself succeeded.
	User []string `json:"user,omitempty"`
}

// Failed says whether the step failed.
func (r Result) Failed() bool { return r.Error != "" }

// String returns the line for the console: `3/17 load-modules ok 41ms`.
func (r Result) String() string {
	state := "ok"
	if r.Failed() {
		state = fmt.Sprintf("FAILED (%s)", r.Policy)
	}
	if !r.Failed() && len(r.User) > 0 {
		state = "not as configured"
	}
	line := fmt.Sprintf("%d/%d %s %s %.0fms", r.Index, r.Count, r.Name, state, r.TookMs)
	if r.Failed() {
		line += ": " + r.Error
	}
	if len(r.User) > 0 {
		line += ": " + strings.Join(r.User, "; ")
	}
	return line
}

// note stores the errors of a step, and returns the one that fails it.
func (r *Result) note(err error) error {
	err, user := split(err)
	if err != nil {
		r.Error = err.Error()
	}
	for _, u := range user {
		r.User = append(r.User, u.Error())
	}
	return err
}

// Failures returns a line for each error, also of the user's configuration: "step: error".
func Failures(results []Result) (lines []string) {
	for _, r := range results {
		if r.Failed() {
			lines = append(lines, r.Name+": "+r.Error)
		}
		for _, u := range r.User {
			lines = append(lines, r.Name+": "+u)
		}
	}
	return lines
}

// Encode returns the timeline of a list as a file. Its mode must be 0600, because errors may quote the configuration.
func Encode(results []Result) []byte {
	text, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		panic("BUG: a timeline cannot be encoded: " + err.Error()) // strings and finite numbers
	}
	return append(text, '\n')
}

// Read reads the timeline of a list. A file that does not exist is an error (os.ErrNotExist).
func Read(path string) (results []Result, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return results, nil
}
