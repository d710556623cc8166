package datasource

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/init/sys"
)

// keeping says what the last good files of a source stand in for. A file that is gone while others of its source are
// there was removed by somebody; one that is bad was not.
type keeping int

const (
	nothing    keeping = iota
	ifBad              // a file that is bad
	evenIfGone         // also the whole source, if it is gone, and config.yaml, which is never removed: a FAT loses its directory
)

// GoodFile is config.yaml before the last change by `proa config`.
const GoodFile = ConfigFile + ".good"

// held returns the files that are used of a source: those that are good, and the last good ones of the others. A file of
// which a part is lost is read over its last good one.
func (s Source) held(root string) (out []File) {
	files := s.Read(root)
	if s.Kept == nothing {
		return files
	}
	kept := s.kept(root)
	if s.Kept == evenIfGone {
		files = s.missing(files, kept)
	}
	for _, f := range files {
		out = append(out, f.over(func() (File, bool) { return stands(root, f.Path, kept) })...)
	}
	return out
}

// over returns the file, or what is read for it if it is bad and another one stands in for it. What can be read of a
// damaged document is read over that one; Imager's files have no keys that could be told apart.
func (f File) over(good func() (File, bool)) []File {
	why, damaged := judge(f)
	part := false
	if why == "" && damaged {
		why, part = "is damaged", !slices.Contains(Imager(), filepath.Base(f.Path))
	}
	if why == "" {
		return []File{f}
	}
	instead, ok := good()
	instead.For, instead.Why = f.Path, why
	switch {
	case ok && part:
		return []File{instead, f}
	case ok:
		return []File{instead}
	case errors.Is(f.Err, os.ErrNotExist):
		return nil
	}
	return []File{f}
}

// missing adds what is missing: config.yaml, or all files of the source that were there.
func (s Source) missing(files []File, kept map[string]File) []File {
	if len(files) == 0 {
		for _, pattern := range s.Files {
			if path := filepath.Join(s.Dir, pattern); path != ConfigFile && kept[path].Path != "" {
				files = append(files, File{Path: path, Err: os.ErrNotExist})
			}
		}
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.Path == ConfigFile }) {
		files = append(files, File{Path: ConfigFile, Err: os.ErrNotExist})
	}
	return files
}

// stands returns the file that stands in for a bad one.
func stands(root, path string, kept map[string]File) (File, bool) {
	if good, ok := kept[path]; ok {
		return good, true
	}
	if path != ConfigFile {
		return File{}, false
	}
	text, err := ReadFile(filepath.Join(root, GoodFile))
	good := File{Path: GoodFile, Text: text, Err: err}
	bad, _ := judge(good)
	return good, bad == ""
}

// cache is the directory of the last good files of a source that is always there.
func (s Source) cache() Source {
	return Source{Name: s.Name, Dir: filepath.Join(Cache, s.Name), Files: s.Files}
}

// kept returns the last good files of a source by the paths they had.
func (s Source) kept(root string) map[string]File {
	out := map[string]File{}
	for _, f := range s.cache().Read(root) {
		if f.Err == nil && len(f.Text) > 0 { // an empty one was forgotten
			out[s.Dir+strings.TrimPrefix(f.Path, s.cache().Dir)] = f
		}
	}
	return out
}

// Keep copies files that are good, for the time when they are not, and forgets those that were removed.
func Keep(s sys.Sys, root string) (err error) {
	for _, source := range Table() {
		if source.Kept != nothing {
			if keepErr := source.keep(s, root); keepErr != nil {
				err = errors.Join(err, fmt.Errorf("keep a copy of the configuration: %w", keepErr))
			}
		}
	}
	return err
}

func (s Source) keep(change sys.Sys, root string) error {
	files, kept := s.Read(root), s.kept(root)
	texts := map[string][]byte{}
	for path := range kept {
		gone := !slices.ContainsFunc(files, func(f File) bool { return f.Path == path })
		if gone && (s.Kept == ifBad || len(files) > 0 && path != ConfigFile) {
			texts[path] = nil
		}
	}
	for _, f := range files {
		if bad, damaged := judge(f); bad != "" || damaged {
			continue
		}
		if len(f.Text) == 0 {
			f.Text = []byte("\n") // says the same, and is not forgotten
		}
		if !bytes.Equal(f.Text, kept[f.Path].Text) {
			texts[f.Path] = f.Text
		}
	}
	for path, text := range texts {
		to := filepath.Join(s.cache().Dir, strings.TrimPrefix(path, s.Dir))
		if err := errors.Join(change.MkdirAll(filepath.Dir(to), 0o700), change.WriteFile(to, text, 0o600)); err != nil {
			return err
		}
	}
	return nil
}
