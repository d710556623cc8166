// Package kmod selects kernel modules from depmod's output: by name or by directory, with their dependencies. Modules
// that Debian compressed (.ko.xz) are called .ko and are unpacked, because an image compresses them better than they are,
// and a patch between two versions of a compressed module is as large as the module. It loads none, and refuses names
// that the kernel does not have.
package kmod

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/proa-os/proa/images/tree"
)

// Set is depmod's output for the modules of a kernel.
type Set struct {
	dir     string
	version string
	file    map[string]string   // name to path below dir, without .xz
	packed  map[string]bool     // paths of which the file ends in .xz
	deps    map[string][]string // path to paths of dependencies, transitive
	soft    map[string][]string // name to names of soft dependencies
	builtin map[string]bool
}

// Load reads a directory with a version file and modules/, the output of depmod.
func Load(kernel string) (*Set, error) {
	m := &Set{dir: filepath.Join(kernel, "modules"), file: map[string]string{}, packed: map[string]bool{},
		deps: map[string][]string{}, soft: map[string][]string{}, builtin: map[string]bool{}}
	version, err := os.ReadFile(filepath.Join(kernel, "version"))
	if err != nil {
		return nil, err
	}
	m.version = string(version)
	for name, take := range map[string]func(string){"modules.dep": m.takeDep, "modules.softdep": m.takeSoft, "modules.builtin": m.takeBuiltin} {
		if err := lines(filepath.Join(m.dir, name), take); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Set) takeDep(line string) {
	p, _, _ := strings.Cut(line, ":")
	packed := strings.HasSuffix(p, ".xz")
	p, deps, _ := strings.Cut(unpackedNames(line), ":")
	m.file[ModuleName(p)] = p
	m.packed[p] = packed
	m.deps[p] = strings.Fields(deps)
}

// unpackedNames takes the suffix off the modules in a line of modules.dep.
func unpackedNames(line string) string { return strings.ReplaceAll(line, ".ko.xz", ".ko") }

// takeSoft reads "softdep NAME pre: a b post: c"; both kinds are dependencies here.
func (m *Set) takeSoft(line string) {
	f := strings.Fields(line)
	if len(f) < 3 || f[0] != "softdep" {
		return
	}
	for _, word := range f[2:] {
		if !strings.HasSuffix(word, ":") {
			m.soft[ModuleName(f[1])] = append(m.soft[ModuleName(f[1])], ModuleName(word))
		}
	}
}

func (m *Set) takeBuiltin(line string) { m.builtin[ModuleName(line)] = true }

// ModuleName returns the name the kernel uses: no directory, no suffix, no dashes.
func ModuleName(p string) string {
	name, _, _ := strings.Cut(path.Base(p), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// Named returns the files of modules by name with their dependencies. An unknown name is an error, so that a typo in a
// board is found at build time.
func (m *Set) Named(names []string) ([]string, error) {
	have := map[string]bool{}
	for _, n := range names {
		n = ModuleName(n)
		if m.file[n] == "" && !m.builtin[n] {
			return nil, fmt.Errorf("kernel %s has no module %q", m.version, n)
		}
		m.add(have, n)
	}
	return sorted(have), nil
}

// Matching returns the files below kernel/ that are in one of the directories or match one of the globs, with their
// dependencies.
func (m *Set) Matching(globs []string) ([]string, error) {
	have := map[string]bool{}
	for _, g := range globs {
		found := false
		for name, p := range m.file {
			if inGlob(g, strings.TrimPrefix(p, "kernel/")) {
				found = true
				m.add(have, name)
			}
		}
		if !found {
			return nil, fmt.Errorf("kernel %s has no module below kernel/%s", m.version, g)
		}
	}
	return sorted(have), nil
}

// inGlob says whether the file or a directory above it matches.
func inGlob(glob, p string) bool {
	for ; p != "."; p = path.Dir(p) {
		if ok, _ := path.Match(glob, p); ok {
			return true
		}
	}
	return false
}

// add adds a module, its dependencies and its soft dependencies. Soft dependencies that this kernel lacks are skipped.
func (m *Set) add(have map[string]bool, name string) {
	p := m.file[name]
	if p == "" || have[p] {
		return
	}
	have[p] = true
	for _, d := range m.deps[p] {
		m.add(have, ModuleName(d))
	}
	for _, d := range m.soft[name] {
		m.add(have, d)
	}
}

// Entries returns modules and their lines of the indexes below prefix/VERSION.
func (m *Set) Entries(prefix string, files []string) ([]tree.Entry, error) {
	base := path.Join(prefix, m.version)
	var out []tree.Entry
	names := map[string]bool{}
	for _, f := range files {
		c, err := m.content(f)
		if err != nil {
			return nil, err
		}
		names[ModuleName(f)] = true
		out = append(out, tree.File(path.Join(base, f), 0o644, c))
	}
	for _, index := range indexes {
		var b strings.Builder
		err := lines(filepath.Join(m.dir, index), func(line string) {
			if index == "modules.builtin" || names[subject(index, line)] {
				b.WriteString(unpackedNames(line) + "\n")
			}
		})
		if err != nil {
			return nil, err
		}
		out = append(out, tree.File(path.Join(base, index), 0o644, tree.Bytes([]byte(b.String()))))
	}
	return out, nil
}

// content is that of a module, unpacked.
func (m *Set) content(file string) (tree.Content, error) {
	if m.packed[file] {
		return unpacked(filepath.Join(m.dir, file+".xz"))
	}
	return tree.HostFile(filepath.Join(m.dir, file))
}

// subject returns the module that a line of an index is about.
func subject(index, line string) string {
	f := strings.Fields(line)
	switch {
	case len(f) == 0:
	case index == "modules.alias": // alias PATTERN NAME
		return ModuleName(f[len(f)-1])
	case index == "modules.softdep" && len(f) > 1: // softdep NAME pre: …
		return ModuleName(f[1])
	case index == "modules.dep":
		return ModuleName(strings.TrimSuffix(f[0], ":"))
	case index == "modules.devname": // NAME DEVICE cMAJOR:MINOR
		return ModuleName(f[0])
	}
	return ""
}

func lines(file string, take func(string)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		take(s.Text())
	}
	return s.Err()
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// indexes are the files of depmod that the device reads; the others are for programs it does not have.
var indexes = []string{"modules.dep", "modules.alias", "modules.softdep", "modules.builtin", "modules.devname"}
