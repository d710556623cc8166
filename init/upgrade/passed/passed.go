// Package passed keeps the newest release that this machine cannot take, and why, as the last look found it: so that
// status can say it without asking a server, and the log says it once and not at every look. It is a small file beside
// the journal, which is written only if something changed. It decides nothing; a file that cannot be read is none.
package passed

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
)

// name is the file, in journal.Dir.
const name = "passed.json"

// Release is one that was passed over.
type Release struct {
	Version string `json:"version"`
	Why     string `json:"why"` // and what to do
}

// String is for people.
func (r Release) String() string {
	return fmt.Sprintf("%s is newer, and not for this machine: %s", r.Version, r.Why)
}

// Record is the content of the file.
type Record struct {
	Release
	Source string    `json:"source"` // where it lies
	Runs   string    `json:"runs"`   // version that ran when it was found
	Since  time.Time `json:"since"`
}

// Read returns the record in a directory; nil: there is none.
func Read(dir string) *Record {
	b, err := os.ReadFile(filepath.Join(dir, name))
	var r Record
	if err != nil || json.Unmarshal(b, &r) != nil || r.Version == "" {
		return nil
	}
	return &r
}

// Keep keeps what a look at a source found, and says whether it is news. A look that found nothing, as r of no version says,
// removes what was found at the same source.
func Keep(dir string, r Record) (news bool, err error) {
	old := Read(dir)
	switch {
	case r.Version == "" && (old == nil || old.Source != r.Source):
		return false, nil
	case r.Version == "":
		err = os.Remove(filepath.Join(dir, name))
	case old != nil && old.Release == r.Release && old.Source == r.Source && old.Runs == r.Runs:
		return false, nil
	default:
		news = true
		var b []byte
		if b, err = json.Marshal(r); err == nil {
			err = errors.Join(os.MkdirAll(dir, 0o700), atomicfile.Write(filepath.Join(dir, name), append(b, '\n'), 0o600))
		}
	}
	if err != nil {
		return news, fmt.Errorf("keep which release was passed over: %w", err)
	}
	return news, nil
}
