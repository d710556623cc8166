// Package journal is the record of upgrades on the data partition: what was tried, from where, and how it ended. The
// engine begins an entry, PID 1 completes it after the reboot from what the black box and the boot state say. It also
// remembers the versions that were given up, which are not tried again by themselves.
//
// config/nodeupgrade has the same types for those who only read the file: cluster and host.
//
// The file is small and replaced atomically; a power cut leaves the entry before or after a change. A file that cannot be
// read counts as empty: a record must never keep a machine from being upgraded. It decides nothing about slots.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/layout"
	"golang.org/x/sys/unix"
)

// Dir has the journal, and what the engine keeps beside it.
const Dir = "/var/lib/proa/upgrade"

// File is the journal. Partial says how much of a root the engine has written, for the next attempt.
const (
	File    = Dir + "/journal.json"
	Partial = Dir + "/partial.json"
)

// Bounds of the file.
const (
	maxEntries = 40
	maxGivenUp = 40
	maxText    = 400 // bytes of a reason or line
	maxLines   = 8
	maxConsole = 1 << 10 // bytes of all lines of a console
	// MaxConsole is how many lines of a console are kept.
	MaxConsole = 10
)

// Result is how an upgrade ended; the cluster is told in the same words.
type Result = nodeupgrade.Result

// The results.
const (
	Succeeded  = nodeupgrade.Succeeded  // the new slot is good
	Aborted    = nodeupgrade.Aborted    // somebody or something ended it before the new slot was tried; nothing was wrong with it
	RolledBack = nodeupgrade.RolledBack // the new slot was tried, and the old one runs again
	Failed     = nodeupgrade.Failed     // it could not be written or put on trial
)

// State is how far an upgrade is that has not ended.
type State string

const (
	// Writing: the engine works.
	Writing State = "writing"
	// Written: the other slot has it and is not on trial yet.
	Written State = "written"
	// Trying: the next boots are trials.
	Trying State = "trying"
	// Ended: it has a Result.
	Ended State = "ended"
)

// Way is how the trial of a slot begins.
type Way string

const (
	// ByRestart: the boot loader starts the slot.
	ByRestart Way = "restart"
	// BySwap: PID 1 takes the slot's root, and pods keep running.
	BySwap Way = "soft swap"
)

// Release names what a slot holds.
type Release struct {
	Version string      `json:"version"`
	Root    string      `json:"root,omitempty"` // the first 16 hex digits of the root hash
	Slot    layout.Slot `json:"slot,omitempty"`
}

// ShortRoot is how a root hash stands in the journal.
func ShortRoot(hash string) string { return hash[:min(16, len(hash))] }

// Entry is one upgrade.
type Entry struct {
	ID     int     `json:"id"`
	From   Release `json:"from"`
	To     Release `json:"to"`
	Source string  `json:"source"` // hosts or a path
	By     string  `json:"by"`     // command, push, schedule, cluster
	// Request is the id of the cluster's request.
	Request string `json:"request,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // transferred
	Near    Near   `json:"near,omitzero"`   // of these
	// Sequence is that of the release in signed metadata.
	Sequence int64     `json:"sequence,omitempty"`
	Began    time.Time `json:"began"`
	Wrote    time.Time `json:"wrote,omitzero"`
	Tried    time.Time `json:"tried,omitzero"`
	Judged   time.Time `json:"judged,omitzero"` // when the trial ended: good, or found to be given up
	Ended    time.Time `json:"ended,omitzero"`
	State    State     `json:"state"`
	Way      Way       `json:"way,omitempty"`     // how the trial began
	NoSwap   string    `json:"no_swap,omitempty"` // why a soft swap that was wanted was not possible
	Result   Result    `json:"result,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	// Rehearsal is what the new version said of a copy of the datastore, or why it was not asked.
	Rehearsal []string `json:"rehearsal,omitempty"`
	Lines     []string `json:"lines,omitempty"` // of each trial boot
	// Console is the end of the console of the last boot of it that was lost.
	Console nodeupgrade.Console `json:"console,omitzero"`
}

// Near is what came from machines of the same site.
type Near = nodeupgrade.Near

// GivenUp is a version that is not tried again by itself.
type GivenUp struct {
	Release
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Journal is the content of the file. Entries are in the order in which they began.
type Journal struct {
	Entries []Entry   `json:"entries"`
	GivenUp []GivenUp `json:"given_up,omitempty"`
	// Sequence is the highest of a release that was good.
	Sequence int64 `json:"sequence,omitempty"`
}

// Read returns the journal. If the file is damaged it is empty, and the error says so.
func Read(path string) (j Journal, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &j)
	}
	if err != nil {
		return Journal{}, fmt.Errorf("upgrade journal: %w", err)
	}
	return j, nil
}

// Update reads the journal, changes it and writes it, if change says that there is something to write. Concurrent
// updates take turns.
func Update(path string, change func(*Journal) bool) error {
	err := update(path, change)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("upgrade journal: the data partition is full (%w): delete what is not needed below /var, then run the same command again", err)
	case err != nil:
		return fmt.Errorf("upgrade journal: %w", err)
	}
	return nil
}

func update(path string, change func(*Journal) bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() // releases the lock
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	j, _ := Read(path) // a damaged one is replaced
	if !change(&j) {
		return nil
	}
	j.trim()
	b, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(b, '\n'), 0o600)
}

func (j *Journal) trim() {
	j.Entries = j.Entries[max(0, len(j.Entries)-maxEntries):]
	j.GivenUp = j.GivenUp[max(0, len(j.GivenUp)-maxGivenUp):]
	for i := range j.Entries {
		e := &j.Entries[i]
		e.Reason, e.NoSwap, e.Lines, e.Rehearsal = short(e.Reason), short(e.NoSwap), few(e.Lines), few(e.Rehearsal)
		e.Console.Lines = newest(e.Console.Lines)
	}
}

// newest returns as many of the last lines as are kept.
func newest(lines []string) []string {
	lines = lines[max(0, len(lines)-MaxConsole):]
	size, from := 0, len(lines)
	for i := len(lines) - 1; i >= 0; i-- {
		lines[i] = nodeupgrade.Line(lines[i], maxText)
		if size += len(lines[i]); size > maxConsole {
			break
		}
		from = i
	}
	return lines[from:]
}

func few(lines []string) []string {
	lines = lines[:min(maxLines, len(lines))]
	for i := range lines {
		lines[i] = short(lines[i])
	}
	return lines
}

func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
