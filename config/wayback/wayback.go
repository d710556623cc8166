// Package wayback is what the engine of upgrades and the runtime tell each other about the snapshot of a cluster's
// datastore that is kept at an upgrade, and what the runtime does about it when it starts. It decides by root hashes, which
// say which version runs. It reads and writes no files.
package wayback

import (
	"encoding/json"
	"fmt"
	"time"
)

// Dir has the snapshot and File; only root may look into it.
const (
	Dir  = "/var/lib/proa/upgrade/datastore"
	File = Dir + "/snapshot.json"
)

// MaxFile is the size in bytes of the file that is read at most.
const MaxFile = 64 << 10

// Policy is what a fall-back does with a datastore that the old version cannot read.
type Policy string

// The policies of upgrade.datastore.
const (
	Keep    Policy = "keep"    // leave it as it is, and say so
	Restore Policy = "restore" // restore the snapshot
)

// State is how far the way back is.
type State string

const (
	// Kept: the snapshot was taken, and the new version has not opened the datastore yet.
	Kept State = "kept"
	// Opened: the new version has opened the datastore; the snapshot is from right before that.
	Opened State = "opened"
	// Asked: somebody asked for the snapshot to be restored.
	Asked State = "asked"
	// Restoring: the datastore is being replaced; after a power cut it is done again, or was done.
	Restoring State = "restoring"
	// Ended: there is nothing to do; Result says how it ended.
	Ended State = "ended"
)

// Result is how the last way back ended.
type Result string

const (
	// Readable: the old version reads what the new one left. Nothing was restored or lost.
	Readable Result = "readable"
	// Unreadable: the old version does not read all of it, and the policy is to keep it.
	Unreadable Result = "unreadable"
	// Restored: the snapshot was restored.
	Restored Result = "restored"
	// Failed: the snapshot could not be restored; the datastore is as it was.
	Failed Result = "failed"
)

// Release names a version of the system.
type Release struct {
	Version string `json:"version"`
	Root    string `json:"root"` // the first 16 hex digits of the root hash
}

// ShortRoot is how a root hash stands in a Record.
func ShortRoot(hash string) string { return hash[:min(16, len(hash))] }

// Record is the content of the file.
type Record struct {
	Entry    int       `json:"entry"` // of the journal of upgrades
	From     Release   `json:"from"`
	To       Release   `json:"to"`
	Snapshot string    `json:"snapshot"` // path
	Bytes    int64     `json:"bytes"`
	Taken    time.Time `json:"taken"`
	Policy   Policy    `json:"policy"`
	State    State     `json:"state"`
	Result   Result    `json:"result,omitempty"`
	Message  string    `json:"message,omitempty"` // for people, one line
	At       time.Time `json:"at,omitzero"`       // of Result
}

// Parse reads a record. The zero Record is none.
func Parse(text []byte) (r Record, err error) {
	if len(text) > MaxFile {
		return r, fmt.Errorf("snapshot record: more than %d bytes", MaxFile)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, fmt.Errorf("snapshot record: %w", err)
	}
	return r, nil
}

// Encode returns what Parse reads.
func (r Record) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	return append(b, '\n'), err
}

// Task is what the runtime does before it opens the datastore.
type Task string

const (
	// Nothing is to be done.
	Nothing Task = ""
	// Renew takes the snapshot again: it is the new version's first start, and since the first one the cluster went on.
	Renew Task = "renew"
	// Judge finds out whether the old version, which runs again, reads what the new one left.
	Judge Task = "judge"
	// Replace restores the snapshot.
	Replace Task = "replace"
)

// Next returns what to do in the version with this root hash (its first 16 hex digits).
func (r Record) Next(root string) Task {
	switch {
	case r.Snapshot == "":
		return Nothing
	case r.State == Asked, r.State == Restoring:
		return Replace
	case root == r.To.Root && r.State != Opened:
		return Renew
	case root == r.From.Root && r.State == Opened:
		return Judge
	}
	return Nothing
}

// End returns the record of a way back that ended.
func (r Record) End(result Result, message string, now time.Time) Record {
	r.State, r.Result, r.Message, r.At = Ended, result, message, now.UTC().Truncate(time.Second)
	return r
}

// Text describes the snapshot for people, one line.
func (r Record) Text(now time.Time) string {
	if r.Snapshot == "" {
		return "no snapshot of the datastore is kept: proa upgrade apply takes one"
	}
	text := fmt.Sprintf("snapshot of the datastore from %s (%s ago, %.1f MB), before the upgrade from %s to %s",
		r.Taken.UTC().Format("2006-01-02 15:04:05Z"), now.Sub(r.Taken).Round(time.Second), float64(r.Bytes)/1e6, r.From.Version, r.To.Version)
	if r.Message != "" {
		text += "; " + r.At.UTC().Format("2006-01-02 15:04Z") + ": " + r.Message
	}
	return text
}
