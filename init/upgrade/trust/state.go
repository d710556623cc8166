package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/proa-os/proa/images/atomicfile"
)

const (
	suffix   = ".json"
	seenName = "seen" // no metadata, so without the suffix
	maxFile  = 8 << 20
)

// state is the directory on the data partition: the trusted metadata under TUF's names, and what was seen. go-tuf
// writes without fsync and is stopped for ever by a file that is cut, so it works on a copy: files that do not parse are
// left out, and what it has verified is written durably.
type state struct {
	dir, work string
	seen      seen
}

func open(dir string) (*state, error) {
	s := &state{dir: dir, work: filepath.Join(dir, "work")}
	if err := errors.Join(os.RemoveAll(s.work), os.MkdirAll(s.work, 0o700)); err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, seenName))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist): // without it older metadata might be taken
		return nil, fmt.Errorf("%w: %w", errState, err)
	case err == nil && json.Unmarshal(b, &s.seen) != nil:
		s.seen = seen{} // cut by a power cut before it was durable; the files below still count
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	for _, f := range files {
		if err := s.copyIn(f); err != nil {
			return nil, fmt.Errorf("%w: %w", errState, err)
		}
	}
	return s, nil
}

// copyIn copies a file to the working copy, and removes one that does not parse.
func (s *state) copyIn(file string) error {
	b, err := readLimited(file)
	if err != nil {
		return err
	}
	if !parses(roleOf(file), b) {
		return os.Remove(file)
	}
	return os.WriteFile(filepath.Join(s.work, filepath.Base(file)), b, 0o600)
}

func readLimited(file string) ([]byte, error) {
	st, err := os.Stat(file)
	if err != nil || st.Size() > maxFile {
		return nil, err // too large: it does not parse
	}
	return os.ReadFile(file)
}

func roleOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), suffix)
	if role, err := url.PathUnescape(name); err == nil {
		return role
	}
	return name
}

func parses(role string, b []byte) bool {
	var err error
	switch role {
	case metadata.ROOT:
		_, err = metadata.Root().FromBytes(b)
	case metadata.TIMESTAMP:
		_, err = metadata.Timestamp().FromBytes(b)
	case metadata.SNAPSHOT:
		_, err = metadata.Snapshot().FromBytes(b)
	default:
		_, err = metadata.Targets().FromBytes(b)
	}
	return err == nil
}

// roots returns the roots to begin with, the newest first: go-tuf would go back to the one that it is given.
func (s *state) roots(image []byte) (list [][]byte) {
	cached, err := os.ReadFile(filepath.Join(s.work, metadata.ROOT+suffix))
	if err == nil {
		list = append(list, cached)
	}
	if len(image) == 0 {
		return list
	}
	if err == nil && version(image) <= version(cached) {
		return append(list, image)
	}
	return append([][]byte{image}, list...)
}

func version(root []byte) int64 {
	m, err := metadata.Root().FromBytes(root)
	if err != nil {
		return 0
	}
	return m.Signed.Version
}

// keep writes what go-tuf has verified, also if a later step failed. It refuses all of it if anything is older than
// what was seen before.
func (s *state) keep(t trustedmetadata.TrustedMetadata, complete bool) error {
	now := seenIn(t)
	if err := s.seen.older(now); err != nil {
		return err
	}
	if err := s.commit(); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	s.seen.note(now, complete)
	b, err := json.MarshalIndent(s.seen, "", " ")
	if err == nil {
		_, err = atomicfile.WriteIfChanged(filepath.Join(s.dir, seenName), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	return nil
}

// commit copies changed files of the working copy back: the root first, because the others are signed by its keys.
func (s *state) commit() error {
	files, err := filepath.Glob(filepath.Join(s.work, "*"+suffix))
	if err != nil {
		return err
	}
	files = append([]string{filepath.Join(s.work, metadata.ROOT+suffix)}, files...)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		to := filepath.Join(s.dir, filepath.Base(f))
		if have, err := os.ReadFile(to); err == nil && bytes.Equal(have, b) {
			continue
		}
		if err := atomicfile.Write(to, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// seen is the newest that this machine has accepted. Metadata that is older is refused although its files may be lost.
type seen struct {
	Root     int64            `json:"root"`
	Keys     string           `json:"keys"`     // of the other roles: new ones may begin to count anew
	Versions map[string]int64 `json:"versions"` // by role
	Signed   time.Time        `json:"signed"`   // when the newest timestamp was made
}
