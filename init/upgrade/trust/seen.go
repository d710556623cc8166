package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/proa-os/proa/images/releasemeta"
)

// seenIn returns what is in verified metadata.
func seenIn(t trustedmetadata.TrustedMetadata) seen {
	s := seen{Root: t.Root.Signed.Version, Keys: keysOf(t.Root.Signed), Versions: map[string]int64{}}
	if t.Timestamp != nil {
		s.Versions[metadata.TIMESTAMP] = t.Timestamp.Signed.Version
		s.Signed = signedAt(t.Timestamp.Signed)
	}
	if t.Snapshot != nil {
		s.Versions[metadata.SNAPSHOT] = t.Snapshot.Signed.Version
	}
	if m := t.Targets[metadata.TARGETS]; m != nil {
		s.Versions[metadata.TARGETS] = m.Signed.Version
	}
	return s
}

// keysOf names the keys of all roles but root.
func keysOf(r metadata.RootType) string {
	var list []string
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS} {
		if d := r.Roles[role]; d != nil {
			list = append(list, role+" "+strings.Join(slices.Sorted(slices.Values(d.KeyIDs)), " "))
		}
	}
	return strings.Join(list, "; ")
}

// signedAt returns when a timestamp was made, the zero time if it does not say. It cannot be later than its expiry.
func signedAt(t metadata.TimestampType) time.Time {
	text, _ := t.UnrecognizedFields[releasemeta.SignedField].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.After(t.Expires) {
		return time.Time{}
	}
	return at
}

// older refuses what is older than was seen.
func (s seen) older(now seen) error {
	if now.Root < s.Root {
		return fmt.Errorf("%w: root %d, and root %d was seen", ErrReplayed, now.Root, s.Root)
	}
	if now.Keys != s.Keys {
		return nil
	}
	for _, role := range slices.Sorted(maps.Keys(now.Versions)) {
		if now.Versions[role] < s.Versions[role] {
			return fmt.Errorf("%w: %s %d, and %d was seen", ErrReplayed, role, now.Versions[role], s.Versions[role])
		}
	}
	return nil
}

// note adds what was accepted. The time counts only if everything was.
func (s *seen) note(now seen, complete bool) {
	if now.Keys != s.Keys || s.Versions == nil {
		s.Versions = map[string]int64{}
	}
	s.Root, s.Keys = now.Root, now.Keys
	maps.Copy(s.Versions, now.Versions)
	if complete {
		s.Signed = newest(s.Signed, now.Signed)
	}
}
