// Package gosrc finds the sources of Go code of this repository by following imports and go:embed patterns under one
// set of build tags: the files of our module, and the versions of the modules it imports from. It does not read other
// modules: go.sum pins those. It does not run the go command, which would take seconds.
package gosrc

import (
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/proa-os/proa"

// Tree is the repository for one architecture and set of tags. It caches packages, so it is valid as long as the
// sources do not change.
type Tree struct {
	repo     string
	ctx      build.Context
	packages map[string]*unit
	parts    map[string]Sources // cache of Code
}

// unit is one package, or some files of one.
type unit struct {
	files   []string // paths from the repository's root
	imports []string // directories of our packages
	others  []string // import paths of other modules
}

// Sources are the sources of a piece of code.
type Sources struct {
	Files   []string // files of this repository, from its root, sorted
	Imports []string // packages of other modules that these files name, sorted
}

// New returns a tree for a GOARCH. Compiler settings in the user's environment are ignored.
func New(repo, arch string, tags []string) *Tree {
	t := &Tree{repo: repo, ctx: build.Default, packages: map[string]*unit{}, parts: map[string]Sources{}}
	t.ctx.GOARCH, t.ctx.GOOS, t.ctx.CgoEnabled, t.ctx.BuildTags, t.ctx.ToolTags = arch, "linux", true, tags, nil
	return t
}

// Program returns the sources of the package in a directory ("./init"). Packages that exist only in an overlay of the
// compiler are skipped.
func (t *Tree) Program(dir string) (Sources, error) {
	top, err := t.read(path.Clean(dir))
	if err != nil {
		return Sources{}, err
	}
	return t.closure(top)
}

// Code returns the sources of some files of one package, without the rest of their package.
func (t *Tree) Code(files ...string) (Sources, error) {
	key := strings.Join(files, " ")
	if have, ok := t.parts[key]; ok {
		return have, nil
	}
	u := &unit{files: files}
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(t.repo, f), nil, parser.ImportsOnly)
		if err != nil {
			return Sources{}, err
		}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return Sources{}, err
			}
			u.add(t.repo, name)
		}
	}
	out, err := t.closure(u)
	t.parts[key] = out
	return out, err
}

func (t *Tree) closure(top *unit) (Sources, error) {
	seen, files, others := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var follow func(u *unit) error
	follow = func(u *unit) error {
		for _, f := range u.files {
			files[f] = true
		}
		for _, o := range u.others {
			others[o] = true
		}
		for _, dir := range u.imports {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			next, err := t.read(dir)
			if _, none := err.(*build.NoGoError); none {
				continue // a package that exists only in the compiler's overlay
			}
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			if err := follow(next); err != nil {
				return err
			}
		}
		return nil
	}
	err := follow(top)
	return Sources{slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(others))}, err
}

// read returns a package's own files and imports.
func (t *Tree) read(dir string) (*unit, error) {
	if u := t.packages[dir]; u != nil {
		return u, nil
	}
	p, err := t.ctx.ImportDir(filepath.Join(t.repo, dir), 0)
	if err != nil {
		return nil, err
	}
	u := &unit{}
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.HFiles, p.SFiles, p.SysoFiles} {
		for _, f := range list {
			u.files = append(u.files, path.Join(dir, f))
		}
	}
	for _, pattern := range p.EmbedPatterns {
		found, err := t.embedded(dir, pattern)
		if err != nil {
			return nil, err
		}
		u.files = append(u.files, found...)
	}
	for _, name := range p.Imports {
		u.add(t.repo, name)
	}
	t.packages[dir] = u
	return u, nil
}

// add sorts an import: ours, another module's, or the standard library's, whose paths do not begin with a host name.
func (u *unit) add(repo, name string) {
	sub, ours := strings.CutPrefix(name, module+"/")
	first, _, _ := strings.Cut(name, "/")
	switch {
	case !ours && strings.Contains(first, "."):
		u.others = append(u.others, name)
	case ours && exists(filepath.Join(repo, sub)):
		u.imports = append(u.imports, sub)
	}
}

// embedded lists the files of a go:embed pattern; a directory includes everything below.
func (t *Tree) embedded(dir, pattern string) (files []string, err error) {
	tops, err := filepath.Glob(filepath.Join(t.repo, dir, strings.TrimPrefix(pattern, "all:")))
	if err != nil {
		return nil, err
	}
	for _, top := range tops {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(t.repo, p)
			files = append(files, filepath.ToSlash(rel))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
