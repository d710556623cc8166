// Package tufrepo writes the signed metadata of releases (TUF, theupdateframework.io): consistent snapshots, sha256
// only, in a directory that any static file server serves. Whoever verifies it (init/upgrade/trust) needs no clock but
// its own and trusts no server.
//
// It refuses to publish with fewer keys than the thresholds, targets without what a device needs to know, and to change
// a target that was published: its path names a version. It writes no payloads; their owners do.
package tufrepo

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/releasemeta"
)

// Directories of a repository.
const (
	MetadataDir = "metadata"
	TargetsDir  = "targets"
)

// Periods are how long each role's metadata is valid. A device that nobody gives newer metadata to refuses the old one
// after that, so the shortest is how long an attacker can withhold a release unnoticed.
type Periods struct{ Root, Targets, Snapshot, Timestamp time.Duration }

const day = 24 * time.Hour

// DefaultPeriods ask for a signature of the online keys every week or two, and of the others once a year.
func DefaultPeriods() Periods { return Periods{366 * day, 366 * day, 30 * day, 14 * day} }

// Repo is a repository that is being changed.
type Repo struct {
	Dir     string
	Ring    *keys.Ring
	Periods Periods

	targets   *metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	changed   bool
}

// Open reads the newest metadata of a repository; in an empty directory there is none.
func Open(dir string, ring *keys.Ring) (*Repo, error) {
	r := &Repo{Dir: dir, Ring: ring, Periods: DefaultPeriods()}
	b, err := os.ReadFile(r.file("timestamp.json"))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if r.timestamp, err = metadata.Timestamp().FromBytes(b); err != nil {
		return nil, fmt.Errorf("timestamp.json: %w", err)
	}
	if r.snapshot, err = metadata.Snapshot().FromFile(r.file(numbered(metadata.SNAPSHOT, metaVersion(r.timestamp.Signed.Meta, metadata.SNAPSHOT)))); err != nil {
		return nil, err
	}
	r.targets, err = metadata.Targets().FromFile(r.file(numbered(metadata.TARGETS, metaVersion(r.snapshot.Signed.Meta, metadata.TARGETS))))
	return r, err
}

func (r *Repo) file(name string) string { return filepath.Join(r.Dir, MetadataDir, name) }

func numbered(role string, n int64) string { return fmt.Sprintf("%d.%s.json", n, role) }

func metaVersion(meta map[string]*metadata.MetaFiles, role string) int64 {
	if m := meta[role+".json"]; m != nil {
		return m.Version
	}
	return 0
}

// AddTarget adds a file by its path BOARD/VERSION/NAME, length and sha256 in hexadecimal. custom is a
// releasemeta.Release for manifest.json, and a releasemeta.Payload or nil for others. It returns the name of the file
// below targets/.
func (r *Repo) AddTarget(target string, length int64, sha256 string, custom any) (string, error) {
	sum, err := hex.DecodeString(sha256)
	if err != nil || len(sum) != 32 || length <= 0 || path.Clean(target) != target || strings.Count(target, "/") != 2 || target[0] == '/' {
		return "", fmt.Errorf("target %q of %d bytes, sha256 %q", target, length, sha256)
	}
	raw, err := r.custom(target, custom)
	if err != nil {
		return "", fmt.Errorf("target %s: %w", target, err)
	}
	file := &metadata.TargetFiles{Length: length, Hashes: metadata.Hashes{"sha256": sum}, Custom: raw, Path: target}
	if r.targets == nil {
		r.targets = metadata.Targets(time.Time{})
		r.targets.Signed.Version = 0
	}
	if have := r.targets.Signed.Targets[target]; have != nil && !have.Hashes.Equal(file.Hashes) {
		return "", fmt.Errorf("target %s was published with other bytes; give the release another version", target)
	}
	r.targets.Signed.Targets[target] = file
	r.changed = true
	dir, name := path.Split(target)
	return dir + hex.EncodeToString(sum) + "." + name, nil
}

// custom checks what a device will read.
func (r *Repo) custom(target string, v any) (*json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if path.Base(target) == releasemeta.ManifestName {
		m, err := releasemeta.ParseRelease(b)
		if err == nil && target != releasemeta.Path(m.Board, m.Version, releasemeta.ManifestName) {
			err = fmt.Errorf("it is of board %s, version %s", m.Board, m.Version)
		}
		raw := json.RawMessage(b)
		return &raw, err
	}
	if string(b) == "null" { // clients read it as nothing, and would compute other bytes than were signed
		return nil, nil
	}
	_, err = releasemeta.ParsePayload(b)
	raw := json.RawMessage(b)
	return &raw, err
}

// RemoveTarget removes a file from what the next metadata lists. The file itself stays, for devices that are fetching
// it.
func (r *Repo) RemoveTarget(target string) error {
	if r.targets == nil || r.targets.Signed.Targets[target] == nil {
		return fmt.Errorf("no target %s", target)
	}
	delete(r.targets.Signed.Targets, target)
	r.changed = true
	return nil
}

// Listed is a target that the newest metadata has.
type Listed struct {
	Path   string // BOARD/VERSION/NAME
	Length int64
	SHA256 string // hexadecimal
	Custom []byte // JSON; nil: none
}

// File returns the name of the file below targets/.
func (l Listed) File() string {
	dir, name := path.Split(l.Path)
	return dir + l.SHA256 + "." + name
}

// Targets returns all targets in the order of their paths.
func (r *Repo) Targets() []Listed { return listed(r.targets) }

// Former returns the targets of the metadata before the newest, which devices may still be following.
func (r *Repo) Former() ([]Listed, error) {
	if r.targets == nil {
		return nil, nil
	}
	m, err := metadata.Targets().FromFile(r.file(numbered(metadata.TARGETS, r.targets.Signed.Version-1)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return listed(m), err
}

func listed(m *metadata.Metadata[metadata.TargetsType]) (list []Listed) {
	if m == nil {
		return nil
	}
	for _, p := range slices.Sorted(maps.Keys(m.Signed.Targets)) {
		f := m.Signed.Targets[p]
		l := Listed{Path: p, Length: f.Length, SHA256: hex.EncodeToString(f.Hashes["sha256"])}
		if f.Custom != nil {
			l.Custom = *f.Custom
		}
		list = append(list, l)
	}
	return list
}
