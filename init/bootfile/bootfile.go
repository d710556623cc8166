// Package bootfile replaces a small file on the boot partition, which is FAT and mounted read-only. After a power cut
// at any point the name refers to the complete old or the complete new text. It does not interpret the text.
package bootfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Place is the directory of the file, and how to write there.
type Place struct {
	Dir    string                          // mount point of the partition
	Change func(change func() error) error // runs change while the partition is writable; nil: it always is
	Flush  func(path string) error         // flushes a file or directory to the medium
	before func(what string) error         // called before each change; an error simulates a power cut (tests)
}

// Replace writes text to the file name. The previous content is first saved as old.
func (p Place) Replace(name, old string, text []byte) error {
	return p.change("replace", name, func() error {
		if err := p.keep(name, old); err != nil {
			return err
		}
		return p.put(name, text)
	})
}

// Put writes text to the file name; the previous content is lost.
func (p Place) Put(name string, text []byte) error {
	return p.change("write", name, func() error { return p.put(name, text) })
}

// Remove removes the file name. It may be gone already.
func (p Place) Remove(name string) error {
	return p.change("remove", name, func() error {
		if p.before != nil {
			if err := p.before("remove " + name); err != nil {
				return err
			}
		}
		if err := os.Remove(filepath.Join(p.Dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return p.Flush(p.Dir)
	})
}

func (p Place) change(what, name string, do func() error) error {
	change := p.Change
	if change == nil {
		change = func(do func() error) error { return do() }
	}
	if err := change(do); err != nil {
		return fmt.Errorf("%s %s: %w", what, filepath.Join(p.Dir, name), err)
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

// put writes a temporary file, flushes it, and renames it to name. The old file is held open until the rename is
// flushed: FAT frees its clusters when it is closed, and after a power cut the name must not refer to freed clusters.
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
				return err // like after a power cut, nothing is cleaned up
			}
		}
		if err := step.do(); err != nil {
			_ = os.Remove(tmp) // it may not exist
			return err
		}
	}
	return nil
}

// unused returns a name that does not exist. A temporary file left by a power cut is not reused: if the cut was during
// the rename, it may share its clusters with the renamed file, and truncating one would truncate the other.
func (p Place) unused() (string, error) {
	for i := range 100 {
		path := filepath.Join(p.Dir, fmt.Sprintf("CONFIG.T%02d", i))
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s/CONFIG.T00 to .T99 all exist; remove them", p.Dir)
}
