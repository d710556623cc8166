// Package releasemeta has what the signed metadata of a release says beyond TUF: the field custom of its targets. The
// host writes it and the device reads it.
//
// Reading refuses fields that it does not know, and values that no device could follow: a device that ignored a
// condition would take a release that was not meant for it.
package releasemeta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/proa-os/proa/images/slotsig"
	"golang.org/x/mod/semver"
)

// Names of targets beside payloads, the last part of their paths: ManifestName describes a release, SlotName is its slot
// file, for devices that cannot use payloads.
const (
	ManifestName = "manifest.json"
	SlotName     = "slot"
)

// RootPath is where the root image has TUF's root. An image without it takes no releases.
const RootPath = "/usr/share/proa/trust/root.json"

// SignedField is the field of timestamp.json, beyond TUF's own, with the time when it was signed.
const SignedField = "x-proa-signed"

// Release is custom of the target BOARD/VERSION/manifest.json.
type Release struct {
	Board    string `json:"board"`
	Arch     string `json:"arch"`
	Layout   int    `json:"layout"` // of the disk, once the release runs
	Version  string `json:"version"`
	Sequence int64  `json:"sequence"` // grows with each release; a device takes no lower one by itself
	// From is the least version to come from; "": any. Stones are the versions to go through first, in their order.
	From   string   `json:"from,omitempty"`
	Stones []string `json:"stones,omitempty"`
	Waves  []Wave   `json:"waves,omitempty"` // in the order of their times
	// Migrates are the layouts of disks whose partitions the release moves when it is taken, in increasing order. Without
	// it a release is for disks of its own layout only. docs/layout.md says how partitions would be moved.
	Migrates []int `json:"migrates,omitempty"`
}

// Moves says whether the release would move the partitions of a disk of that layout.
func (r Release) Moves(disk int) bool { return slices.Contains(r.Migrates, disk) }

// Layouts says why a disk of another layout cannot take the release by a proa that moves no partitions; "": it can.
func (r Release) Layouts(disk int) string {
	switch {
	case r.Layout == disk:
		return ""
	case r.Moves(disk):
		return fmt.Sprintf("it needs disk layout %d and would move the partitions of this disk, which has layout %d; this version of proa cannot: take a release first that can, or flash the disk again",
			r.Layout, disk)
	case disk > r.Layout:
		return fmt.Sprintf("it needs disk layout %d, this disk has layout %d already; take a newer release, or flash the disk again", r.Layout, disk)
	}
	return fmt.Sprintf("it needs disk layout %d, this disk has layout %d; a release that moves partitions (migrates: [%d]) must be taken first, or flash the disk again", r.Layout, disk, disk)
}

// Wave is a part of all devices that may take a release from a time on.
type Wave struct {
	Percent int       `json:"percent"` // 1 to 100, of all devices
	At      time.Time `json:"at"`
}

// Payload is custom of the other targets.
type Payload struct {
	Index *Index `json:"index,omitempty"` // of full and patches
	From  *From  `json:"from,omitempty"`  // of patches
}

// Index is the part of a payload file that says what follows in it.
type Index struct {
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"` // 64 hex digits
}

// From is the slot that a patch applies to.
type From struct {
	Version string `json:"version"`
	Root    string `json:"root"` // hash of its root, 64 hex digits
}

// Path returns the path of a target.
func Path(board, version, name string) string { return path.Join(board, version, name) }

var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)

// Check refuses values that no device could follow.
func (r Release) Check() error {
	switch {
	case !word.MatchString(r.Board) || !word.MatchString(r.Arch) || !word.MatchString(r.Version):
		return fmt.Errorf("board %q, arch %q, version %q", r.Board, r.Arch, r.Version)
	case r.Layout < 1 || r.Sequence < 1:
		return fmt.Errorf("layout %d, sequence %d", r.Layout, r.Sequence)
	case r.From != "" && !semver.IsValid(r.From): // whatever is compared with an invalid one is later
		return fmt.Errorf("least version to come from %q: a version such as v1.2.0 is meant", r.From)
	case slices.ContainsFunc(r.Stones, func(s string) bool { return !semver.IsValid(s) || s == r.Version }):
		return fmt.Errorf("stepping stones %q: versions such as v1.2.0, and not its own, are meant", r.Stones)
	case slices.ContainsFunc(r.Migrates, func(n int) bool { return n < 1 || n >= r.Layout }) || !slices.IsSorted(r.Migrates):
		return fmt.Errorf("layout %d, migrates %d: the layouts before it in increasing order are meant", r.Layout, r.Migrates)
	}
	for i, w := range r.Waves {
		if w.Percent < 1 || w.Percent > 100 || w.At.IsZero() || i > 0 && (w.Percent <= r.Waves[i-1].Percent || !w.At.After(r.Waves[i-1].At)) {
			return fmt.Errorf("wave %d: %d %% at %s: percentages and times must grow", i+1, w.Percent, w.At.Format(time.RFC3339))
		}
	}
	return nil
}

// Check refuses values that no device could follow.
func (p Payload) Check() error {
	if p.Index != nil && (p.Index.Length <= 0 || !slotsig.Digest(p.Index.SHA256)) {
		return fmt.Errorf("index of %d bytes, sha256 %q", p.Index.Length, p.Index.SHA256)
	}
	if p.From != nil && (!word.MatchString(p.From.Version) || !slotsig.Digest(p.From.Root)) {
		return fmt.Errorf("from version %q, root %q", p.From.Version, p.From.Root)
	}
	return nil
}

// ParseRelease reads custom of a manifest.
func ParseRelease(b []byte) (r Release, err error) {
	if err = parse(b, &r); err == nil {
		err = r.Check()
	}
	return r, err
}

// ParsePayload reads custom of a payload.
func ParsePayload(b []byte) (p Payload, err error) {
	if err = parse(b, &p); err == nil {
		err = p.Check()
	}
	return p, err
}

func parse(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data after the value")
	}
	return nil
}
