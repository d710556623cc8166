package relock

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/build/pin"
)

// Substitutes are newer packages that replace locked ones. A mirror keeps one version of a package per suite, so the
// packages of a lock disappear after weeks, and an old clone must still build. They are stored beside the cache for
// each content of the repository's lock, so a renewed lock or another commit drops them.
type Substitutes struct {
	Lock string // the repository's lock file
	Dir  string // of the cache
	Host string // Debian name of the architecture
}

// Load returns the lock with its substitutes, and whether there are any.
func (s Substitutes) Load() (lock pin.Lock, substituted bool, err error) {
	file, err := s.file()
	if err != nil {
		return pin.Lock{}, false, err
	}
	lock, err = pin.Load(file)
	if errors.Is(err, fs.ErrNotExist) {
		lock, err = pin.Load(s.Lock)
		return lock, false, err
	}
	return lock, true, err
}

func (s Substitutes) file() (string, error) {
	text, err := os.ReadFile(s.Lock)
	return filepath.Join(s.Dir, "locks", fmt.Sprintf("%x.lock", sha256.Sum256(text))), err
}

// Replace resolves every set again that has one of the packages, together with its leader and followers, and reports
// what changed.
func (s Substitutes) Replace(ctx context.Context, packages []pin.Package, progress io.Writer) ([]string, error) {
	old, _, err := s.Load()
	if err != nil {
		return nil, err
	}
	sets, err := Sets(s.Host)
	if err != nil {
		return nil, err
	}
	sets = concerned(sets, old, packages)
	fresh, err := Resolve(ctx, s.Dir, sets, progress)
	if err != nil {
		return nil, err
	}
	if err := NotOlder(ctx, old.Sets, fresh); err != nil {
		return nil, err
	}
	merged := pin.Lock{Date: old.Date, Sets: maps.Clone(old.Sets)}
	maps.Copy(merged.Sets, fresh)
	if maps.EqualFunc(old.Sets, merged.Sets, slices.Equal) {
		return nil, nil
	}
	return Changes(old, merged), s.save(merged)
}

func (s Substitutes) save(l pin.Lock) error {
	file, err := s.file()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return l.Save(file)
}

// concerned returns the sets that have to be resolved together when packages are gone. A kernel and its headers are
// resolved together, since headers of another kernel are useless.
func concerned(sets []pin.Set, old pin.Lock, packages []pin.Package) (out []pin.Set) {
	leaders := map[string]bool{}
	for _, s := range sets {
		if holdsAny(old.Sets[s.ID()], packages) {
			leaders[s.Leader()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(sets), func(s pin.Set) bool { return !leaders[s.Leader()] })
}

func holdsAny(list, packages []pin.Package) bool {
	return slices.ContainsFunc(list, func(p pin.Package) bool { return slices.Contains(packages, p) })
}
