package nodeupgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// LogFile is the record of a node's upgrades. The engine and PID 1 write it (init/upgrade/journal) and replace it
// atomically; others read it as Log.
const LogFile = "/var/lib/proa/upgrade/journal.json"

// MaxLog is the size in bytes of a record beyond which it is not read.
const MaxLog = 1 << 20

// Phase is how far an attempt is.
type Phase string

// The phases.
const (
	Writing Phase = "writing" // the engine works
	Written Phase = "written" // the other slot has it, and is not on trial yet
	Trying  Phase = "trying"  // the next boots are trials, or one of them is
	Ended   Phase = "ended"   // there is a Result
)

// Log is the record. Entries are in the order in which they began.
type Log struct {
	Entries  []Attempt `json:"entries"`
	GivenUp  []GivenUp `json:"given_up,omitempty"` // not tried again by themselves
	Sequence int64     `json:"sequence,omitempty"` // highest of a release that was good
}

// Attempt is one upgrade, or a try of one.
type Attempt struct {
	ID       int       `json:"id"`
	From     Release   `json:"from"`
	To       Release   `json:"to"`
	Source   string    `json:"source"`             // hosts or a path
	By       string    `json:"by"`                 // command, push, schedule, cluster
	Request  string    `json:"request,omitempty"`  // Request.ID of the cluster
	Kind     string    `json:"kind,omitempty"`     // how it was transferred, for people
	Bytes    int64     `json:"bytes,omitempty"`    // transferred
	Near     Near      `json:"near,omitzero"`      // of these
	Sequence int64     `json:"sequence,omitempty"` // of the release in signed metadata
	Began    time.Time `json:"began"`
	Wrote    time.Time `json:"wrote,omitzero"`
	Tried    time.Time `json:"tried,omitzero"`
	Judged   time.Time `json:"judged,omitzero"` // when the trial ended: the new slot was good, or was found to be given up
	Ended    time.Time `json:"ended,omitzero"`
	State    Phase     `json:"state"`
	Way      string    `json:"way,omitempty"`     // how the trial began: restart, soft swap
	NoSwap   string    `json:"no_swap,omitempty"` // why a soft swap that was wanted was not possible, for people
	Result   Result    `json:"result,omitempty"`
	Reason   string    `json:"reason,omitempty"` // for people
	// Rehearsal is what the new version said of a copy of the datastore, for people.
	Rehearsal []string `json:"rehearsal,omitempty"`
	Lines     []string `json:"lines,omitempty"` // of each trial boot, for people
	Console   Console  `json:"console,omitzero"`
}

// Console is the end of the console of a boot that was lost, for people. It has lines of the kernel and of PID 1, none of
// services or containers.
type Console struct {
	From  string   `json:"from"` // what kept them: pstore, black box
	Lines []string `json:"lines"`
}

// Release names what a slot holds.
type Release struct {
	Version string `json:"version"`
	Root    string `json:"root,omitempty"` // the first 16 hex digits of the root hash
	Slot    string `json:"slot,omitempty"`
}

// Near is what came from machines of the same site instead of the server.
type Near struct {
	Bytes int64 `json:"bytes"`
	Nodes int   `json:"nodes"` // machines that it came from
}

// Text follows a number of bytes; empty: nothing came from others.
func (n Near) Text() string {
	if n.Bytes == 0 {
		return ""
	}
	return fmt.Sprintf(", %.1f MB of them from %s", float64(n.Bytes)/1e6, n.From())
}

// From says who it came from.
func (n Near) From() string {
	if n.Nodes == 1 {
		return "1 node of the site"
	}
	return fmt.Sprintf("%d nodes of the site", n.Nodes)
}

// GivenUp is a version that is not tried again by itself.
type GivenUp struct {
	Release
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// ReadLog reads a record; one that is missing is empty.
func ReadLog(path string) (l Log, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, MaxLog+1))
	switch {
	case err != nil:
		return l, err
	case len(b) > MaxLog:
		return l, fmt.Errorf("%s: longer than %d bytes", path, MaxLog)
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return Log{}, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// Last returns the newest attempt, nil if there is none.
func (l Log) Last() *Attempt {
	if n := len(l.Entries); n > 0 {
		return &l.Entries[n-1]
	}
	return nil
}

// Get returns an attempt, nil if there is none.
func (l Log) Get(id int) *Attempt {
	for i := range l.Entries {
		if l.Entries[i].ID == id {
			return &l.Entries[i]
		}
	}
	return nil
}

// Report is what `proa upgrade status --json` prints.
type Report struct {
	Boot    string `json:"boot"` // the kernel's id of this boot
	Version string `json:"version"`
	Board   string `json:"board,omitempty"`
	Slot    string `json:"slot,omitempty"` // that runs
	Trial   bool   `json:"trial"`          // it is on trial
	Good    bool   `json:"good"`
	Health  string `json:"health,omitempty"`  // why it is not good, or not yet
	Running string `json:"running,omitempty"` // what the engine does at the moment
	Log     Log    `json:"log"`
}
