// Package gosrc finds the files of this repository that a Go program is compiled from, by following
// imports and go:embed patterns under one set of build tags. It does not look into other modules: go.sum
// fixes those. It compiles nothing and asks no go command, which would take seconds.
package gosrc

import (
	"fmt"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/proa-os/proa"

// walker collects files by their path from the repository's root.
type walker struct {
	repo  string
	ctx   build.Context
	seen  map[string]bool
	files map[string]bool
}

// Files lists what the package in dir ("./init") of the repository is compiled from, sorted. Packages that
// only exist in an overlay of the compiler are passed over.
func Files(repo, dir, arch string, tags []string) ([]string, error) {
	w := &walker{repo: repo, ctx: build.Default, seen: map[string]bool{}, files: map[string]bool{}}
	w.ctx.GOARCH, w.ctx.GOOS, w.ctx.CgoEnabled, w.ctx.BuildTags = arch, "linux", true, tags
	err := w.follow(path.Clean(dir))
	return slices.Sorted(maps.Keys(w.files)), err
}

// follow adds a package's files and those of the packages of our module it imports.
func (w *walker) follow(dir string) error {
	if w.seen[dir] {
		return nil
	}
	w.seen[dir] = true
	p, err := w.ctx.ImportDir(filepath.Join(w.repo, dir), 0)
	if err != nil {
		if _, none := err.(*build.NoGoError); none && len(w.seen) > 1 {
			return nil // a package that only exists in the compile's overlay
		}
		return err
	}
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.CFiles, p.HFiles, p.SFiles} {
		for _, f := range list {
			w.files[path.Join(dir, f)] = true
		}
	}
	if err := w.embedded(dir, p.EmbedPatterns); err != nil {
		return err
	}
	for _, imp := range p.Imports {
		if sub, ours := strings.CutPrefix(imp, module+"/"); ours && exists(filepath.Join(w.repo, sub)) {
			if err := w.follow(sub); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// embedded adds files of go:embed patterns; a directory stands for all beneath.
func (w *walker) embedded(dir string, patterns []string) error {
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(w.repo, dir, strings.TrimPrefix(pattern, "all:")))
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := w.addTree(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// addTree adds the regular files at or below a path.
func (w *walker) addTree(top string) error {
	return filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(w.repo, p)
		w.files[filepath.ToSlash(rel)] = true
		return err
	})
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
