// Package bootfile replaces a small file of the boot partition, which is FAT and mounted read-only: whatever a power cut leaves, the name
// points to all of the old text or to all of the new one. It refuses to know what the file says.
package bootfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Place is where the file lies.
type Place struct {
	Dir    string                          // of the partition, mounted
	Change func(change func() error) error // runs change while the partition may be written; nil: it always may
	Flush  func(path string) error         // returns when a file or directory is on the medium
	before func(what string) error         // ahead of every single change; an error is a power cut (tests)
}

// Replace makes name hold text. What it held before is kept under the name old first.
func (p Place) Replace(name, old string, text []byte) error {
	change := p.Change
	if change == nil {
		change = func(do func() error) error { return do() }
	}
	err := change(func() error {
		if err := p.keep(name, old); err != nil {
			return err
		}
		return p.put(name, text)
	})
	if err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Join(p.Dir, name), err)
	}
	return nil
}

func (p Place) keep(name, old string) error {
	have, err := os.ReadFile(filepath.Join(p.Dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.put(old, have)
}

// put writes beside the name, flushes, and renames over it. The old file is held open until the name's change is on the medium: FAT gives
// its clusters back when nobody holds it any more, and a power cut must not find the name pointing to clusters that were given back.
func (p Place) put(name string, text []byte) error {
	path := filepath.Join(p.Dir, name)
	tmp, err := p.unused()
	if err != nil {
		return err
	}
	if held, err := os.Open(path); err == nil {
		defer held.Close()
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"write " + filepath.Base(tmp), func() error { return os.WriteFile(tmp, text, 0o600) }},
		{"flush " + filepath.Base(tmp), func() error { return p.Flush(tmp) }},
		{"rename to " + name, func() error { return os.Rename(tmp, path) }},
		{"flush directory", func() error { return p.Flush(p.Dir) }},
	} {
		if p.before != nil {
			if err := p.before(step.what); err != nil {
				return err // as after a power cut, nothing is cleaned up
			}
		}
		if err := step.do(); err != nil {
			_ = os.Remove(tmp) // it may not be there
			return err
		}
	}
	return nil
}

// unused is a name that no file has. What an earlier power cut left is not taken over: a name that was on its way may share its clusters with the
// file that it became, and to empty the one would empty the other.
func (p Place) unused() (string, error) {
	for i := range 100 {
		path := filepath.Join(p.Dir, fmt.Sprintf("CONFIG.T%02d", i))
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s/CONFIG.T00 to .T99 are all there; remove them", p.Dir)
}
