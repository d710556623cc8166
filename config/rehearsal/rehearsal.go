// Package rehearsal is what a new version of the runtime says of a copy of the cluster's datastore, before a node restarts
// with that version. The runtime prints it as JSON (k3s check-upgrade), and the engine of upgrades reads it. It judges
// nothing but whether the upgrade may go on.
package rehearsal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// MaxReport is the size in bytes of a report that is read at most.
const MaxReport = 1 << 20

// Report is what was found.
type Report struct {
	Version   string `json:"version"`   // of the runtime that made it
	Objects   int    `json:"objects"`   // that were read
	Encrypted int    `json:"encrypted"` // objects that only the API server could read; not judged
	Bytes     int64  `json:"bytes"`     // size of the copy
	// Unreadable are stored in a version that this runtime does not know.
	Unreadable []Use `json:"unreadable,omitempty"`
	// Unserved were written by clients in a version that this runtime does not serve: these clients will fail.
	Unserved []Use `json:"unserved,omitempty"`
}

// Use is a use of one version of one kind.
type Use struct {
	APIVersion string `json:"api_version"` // policy/v1beta1
	Kind       string `json:"kind"`
	Client     string `json:"client,omitempty"` // the manager that wrote it (metadata.managedFields)
	Count      int    `json:"count"`
	Example    string `json:"example"` // namespace/name, or the key in the datastore
}

func (u Use) String() string {
	by := ""
	if u.Client != "" {
		by = " by " + u.Client
	}
	return fmt.Sprintf("%s %s: %d%s, such as %s", u.APIVersion, u.Kind, u.Count, by, u.Example)
}

// Write prints a report.
func (r Report) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// Parse reads a report.
func Parse(text []byte) (r Report, err error) {
	if len(text) > MaxReport {
		return r, fmt.Errorf("a report of more than %d bytes", MaxReport)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Report{}, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

// maxUses is how many kinds a text names.
const maxUses = 5

// Refusal says why this version cannot take the datastore over; nil: it can.
func (r Report) Refusal() error {
	if len(r.Unreadable) == 0 {
		return nil
	}
	return fmt.Errorf("objects are stored in API versions that it does not know: %s; delete them, or store them anew in a version that both know, or take a release between",
		listed(r.Unreadable))
}

// Lines describe a rehearsal that went well, for people.
func (r Report) Lines() []string {
	text := fmt.Sprintf("rehearsed: it reads all %d objects of a copy of the datastore (%.1f MB)", r.Objects, float64(r.Bytes)/1e6)
	if r.Encrypted > 0 {
		text += fmt.Sprintf("; %d are encrypted and were not looked into", r.Encrypted)
	}
	if len(r.Unserved) == 0 {
		return []string{text}
	}
	return []string{text, "clients use API versions that it does not serve, and will fail: " + listed(r.Unserved)}
}

func listed(uses []Use) string {
	var out []string
	for _, u := range uses[:min(maxUses, len(uses))] {
		out = append(out, u.String())
	}
	if n := len(uses) - maxUses; n > 0 {
		out = append(out, fmt.Sprintf("and %d more kinds", n))
	}
	return strings.Join(out, "; ")
}
