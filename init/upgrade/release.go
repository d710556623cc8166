package upgrade

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/upgrade/journal"
	"golang.org/x/mod/semver"
)

// Release is one release for one board, as signed metadata describes it. That of a slot file says neither sequence nor
// architecture: its board decides.
type Release struct {
	releasemeta.Release
	Root     string // root hash, where it is known before the manifest is read
	Unfit    string // why this machine cannot take it, and what to do, where its origin knows; empty: nothing
	Manifest string // sha256 of the slot's manifest, 64 hex digits, where it is known before
}

// Machine is what a release is compared with.
type Machine struct {
	Board, Arch string
	Layout      int
	Version     string // that runs
	Root        string // root hash that runs
	Sequence    int64  // of the image that runs; 0: not known
	ID          string // /etc/machine-id
	Slot        layout.Slot
}

func (m Machine) running() journal.Release {
	return journal.Release{Version: m.Version, Root: journal.ShortRoot(m.Root), Slot: m.Slot}
}

// after is the end of a version between releases, as git describe has it: v1.2.0-5-gabcdef is five commits later than
// v1.2.0, and semantic versioning would have it earlier.
var after = regexp.MustCompile(`(-(\d+)-g[0-9a-f]+)?(-dirty)?$`)

// atLeast says whether a version is another one, or later. A version that is none is earlier than all.
func atLeast(version, least string) bool {
	release, commits := described(version)
	other, n := described(least)
	return cmp.Or(semver.Compare(release, other), cmp.Compare(commits, n)) >= 0
}

// described returns the release that a version comes after, and how many commits.
func described(version string) (release string, commits int) {
	end := after.FindStringSubmatch(version)
	commits, _ = strconv.Atoi(end[2]) // none if the version is a release
	return strings.TrimSuffix(version, end[0]), commits
}
