package upgrade

import (
	"regexp"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/upgrade/journal"
	"golang.org/x/mod/semver"
)

// Release is one release for one board, as signed metadata describes it (docs/release.md, custom of manifest.json).
type Release struct {
	Board    string   `json:"board"`
	Arch     string   `json:"arch"` // as Go names it; empty: the board decides
	Layout   int      `json:"layout"`
	Version  string   `json:"version"`
	Sequence int64    `json:"sequence"` // grows with every release; 0: not known, as of a slot file
	From     string   `json:"from,omitempty"`
	Stones   []string `json:"stones,omitempty"` // in the order in which they are gone through
	Waves    []Wave   `json:"waves,omitempty"`
	Root     string   `json:"-"` // root hash, where it is known before the manifest is read
}

// Wave is a part of all machines, and when its turn comes. Machines in no wave wait for a command.
type Wave struct {
	Percent int       `json:"percent"` // of all machines, with those of the waves before
	At      time.Time `json:"at"`
}

// Machine is what a release is compared with.
type Machine struct {
	Board, Arch string
	Layout      int
	Version     string // that runs
	Root        string // root hash that runs
	Sequence    int64  // highest that this machine has taken; 0: not known
	ID          string // /etc/machine-id
	Slot        layout.Slot
}

func (m Machine) running() journal.Release {
	return journal.Release{Version: m.Version, Root: journal.ShortRoot(m.Root), Slot: m.Slot}
}

// after is the end of a version between releases, as git describe has it: v1.2.0-5-gabcdef is later than v1.2.0, and
// semantic versioning would have it earlier.
var after = regexp.MustCompile(`-\d+-g[0-9a-f]+(-dirty)?$|-dirty$`)

// atLeast says whether a version is another one, or later. A version that is none is earlier than all.
func atLeast(version, least string) bool {
	return semver.Compare(after.ReplaceAllString(version, ""), least) >= 0
}
