package tufrepo

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/releasemeta"
)

// Publish signs what has changed or expires soon, and always a new timestamp, and writes it: timestamp.json last, so
// that a device sees the old repository or the new one.
func (r *Repo) Publish(now time.Time) error {
	if r.targets == nil {
		return errors.New("publish: there are no targets")
	}
	newest, err := KeepRoot(r.Ring, r.Periods, now)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	root, err := metadata.Root().FromBytes(newest)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for _, s := range []func(*metadata.Metadata[metadata.RootType], time.Time) error{r.writeRoots, r.signTargets, r.signSnapshot, r.signTimestamp} {
		if err := s(root, now); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	r.changed = false
	return nil
}

// stamp is a time as TUF writes it: in UTC, to the second.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// after returns the version that follows another one. The first one of a directory, after 0, is the time in seconds since
// 1970: devices refuse versions below those that they have seen, and ignore the same ones, so that a directory which begins
// anew, because the one before was lost, must not begin at 1.
func after(version int64, now time.Time) int64 {
	if version == 0 {
		return now.Unix()
	}
	return version + 1
}

// soon says whether less than a third of a period is left.
func soon(expires time.Time, period time.Duration, now time.Time) bool {
	return expires.Sub(now) < period/3
}

func (r *Repo) writeRoots(*metadata.Metadata[metadata.RootType], time.Time) error {
	if err := os.MkdirAll(r.file(""), 0o755); err != nil {
		return err
	}
	all, err := Roots(r.Ring.Dir)
	for i, b := range all {
		_, e := atomicfile.WriteIfChanged(r.file(rootFile(int64(i+1))), b, 0o644)
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	_, err = atomicfile.WriteIfChanged(r.file("root.json"), all[len(all)-1], 0o644)
	return err
}

func (r *Repo) signTargets(root *metadata.Metadata[metadata.RootType], now time.Time) error {
	t := r.targets
	if !r.changed && root.VerifyDelegate(metadata.TARGETS, t) == nil && !soon(t.Signed.Expires, r.Periods.Targets, now) {
		return nil
	}
	t.Signed.Version = after(t.Signed.Version, now)
	t.Signed.Expires = stamp(now.Add(r.Periods.Targets))
	return sign(r, root, keys.Targets, t, numbered(metadata.TARGETS, t.Signed.Version))
}

func (r *Repo) signSnapshot(root *metadata.Metadata[metadata.RootType], now time.Time) error {
	s := r.snapshot
	if s == nil {
		s = metadata.Snapshot(time.Time{})
		s.Signed.Version = 0
	}
	version := r.targets.Signed.Version
	if metaVersion(s.Signed.Meta, metadata.TARGETS) == version && r.snapshot != nil &&
		root.VerifyDelegate(metadata.SNAPSHOT, s) == nil && !soon(s.Signed.Expires, r.Periods.Snapshot, now) {
		return nil
	}
	s.Signed.Version = after(s.Signed.Version, now)
	s.Signed.Expires = stamp(now.Add(r.Periods.Snapshot))
	s.Signed.Meta = map[string]*metadata.MetaFiles{"targets.json": {Version: version}}
	r.snapshot = s
	return sign(r, root, keys.Snapshot, s, numbered(metadata.SNAPSHOT, s.Signed.Version))
}

func (r *Repo) signTimestamp(root *metadata.Metadata[metadata.RootType], now time.Time) error {
	t := r.timestamp
	if t == nil {
		t = metadata.Timestamp(time.Time{})
		t.Signed.Version = 0
	}
	t.Signed.Version = after(t.Signed.Version, now)
	t.Signed.Expires = stamp(now.Add(r.Periods.Timestamp))
	t.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": {Version: r.snapshot.Signed.Version}}
	t.Signed.UnrecognizedFields = map[string]any{releasemeta.SignedField: stamp(now).Format(time.RFC3339)}
	r.timestamp = t
	return sign(r, root, keys.Timestamp, t, "timestamp.json")
}

// sign signs, has go-tuf verify it, and writes.
func sign[T metadata.Roles](r *Repo, root *metadata.Metadata[metadata.RootType], role keys.Role, m *metadata.Metadata[T], name string) error {
	signers, err := r.Ring.Signers(role)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	m.ClearSignatures()
	for _, s := range signers {
		if _, err := m.Sign(signer{s}); err != nil {
			return fmt.Errorf("sign %s: %w", name, err)
		}
	}
	if err := root.VerifyDelegate(string(role), m); err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	b, err := m.ToBytes(false)
	if err != nil {
		return err
	}
	return atomicfile.Write(r.file(name), b, 0o644)
}

// Newest returns the names of the metadata that was published last, except for the roots.
func (r *Repo) Newest() []string {
	if r.timestamp == nil || r.snapshot == nil || r.targets == nil {
		return nil
	}
	return []string{"timestamp.json", numbered(metadata.SNAPSHOT, r.snapshot.Signed.Version), numbered(metadata.TARGETS, r.targets.Signed.Version)}
}
