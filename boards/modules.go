package boards

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// modulesFile has the sets of kernel modules that boards list by name.
const modulesFile = "modules.yaml"

// moduleSet is one row of it.
type moduleSet struct {
	For     string   `yaml:"for"` // for people
	Modules []string `yaml:"modules"`
}

// moduleSets are the rows by name, for each of a board's two lists.
type moduleSets struct {
	Early   map[string]moduleSet `yaml:"early"`
	Modules map[string]moduleSet `yaml:"modules"`
}

// moduleLists are the two lists as board.yaml has them: with sets by name.
type moduleLists struct {
	Early   moduleList `yaml:"early"`
	Modules moduleList `yaml:"modules"`
}

// moduleList is what kernel.early and kernel.modules consist of.
type moduleList []moduleLine

// moduleLine is one entry: either a module (a glob) or the names of sets.
type moduleLine struct {
	module string
	sets   []string
	line   int // of the file
}

// UnmarshalYAML reads a list of `NAME` and `sets: [NAME, …]`, and refuses anything else.
func (l *moduleList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: not a list of modules", n.Line)
	}
	for _, entry := range n.Content {
		var keys map[string][]string
		line := moduleLine{line: entry.Line}
		switch err := entry.Decode(&keys); {
		case entry.Kind == yaml.ScalarNode:
			line.module = entry.Value
		case err == nil && len(keys) == 1:
			line.sets = keys["sets"]
		}
		if line.module == "" && len(line.sets) == 0 {
			return fmt.Errorf("line %d: neither a module nor `sets: [NAME, …]`", line.line)
		}
		*l = append(*l, line)
	}
	return nil
}

// readModuleSets reads modules.yaml and refuses a set without modules or without a word on what it is for.
func readModuleSets(fsys fs.FS) (moduleSets, error) {
	var s moduleSets
	err := decode(fsys, modulesFile, &s)
	for list, sets := range map[string]map[string]moduleSet{"early": s.Early, "modules": s.Modules} {
		for _, name := range slices.Sorted(maps.Keys(sets)) {
			if set := sets[name]; set.For == "" || len(set.Modules) == 0 {
				err = errors.Join(err, fmt.Errorf("%s.%s: for or modules: missing", list, name))
			}
		}
	}
	if err != nil {
		err = fmt.Errorf("boards/%s: %w", modulesFile, err)
	}
	return s, err
}

// resolve puts the modules of sets in the place of their names. kernel.modules is sorted, so that it makes no
// difference where in it a set stands.
func (k *Kernel) resolve(sets moduleSets) error {
	var early, modules error
	k.Early, early = expand("kernel.early", k.Lists.Early, sets.Early)
	k.Modules, modules = expand("kernel.modules", k.Lists.Modules, sets.Modules)
	slices.SortFunc(k.Modules, byPath)
	k.Lists = moduleLists{}
	return errors.Join(early, modules)
}

// byPath has the directories of the top level first.
func byPath(a, b string) int {
	below := func(glob string) int { return min(strings.Count(glob, "/"), 1) }
	return cmp.Or(below(a)-below(b), cmp.Compare(a, b))
}

// expansion is one of a board's lists while it is resolved.
type expansion struct {
	key string
	out []string
	has map[string]string // module to where it stands
	err error
}

// expand returns the modules of a list, in its order. It refuses names of no set, and a module that stands in two
// places: one of them would say nothing.
func expand(key string, lines moduleList, sets map[string]moduleSet) ([]string, error) {
	e := expansion{key: key, has: map[string]string{}}
	for _, l := range lines {
		if l.module != "" {
			e.add(l.line, fmt.Sprintf("line %d", l.line), l.module)
		}
		for _, name := range l.sets {
			set, ok := sets[name]
			if !ok {
				e.refuse(l.line, "no set %q in boards/%s%s", name, modulesFile, hint(name, sets))
			}
			e.add(l.line, "set "+name, set.Modules...)
		}
	}
	return e.out, e.err
}

func (e *expansion) add(line int, from string, modules ...string) {
	for _, m := range modules {
		if e.has[m] != "" {
			e.refuse(line, "%q twice: %s has it", m, e.has[m])
			return
		}
		e.has[m], e.out = from, append(e.out, m)
	}
}

func (e *expansion) refuse(line int, format string, a ...any) {
	e.err = errors.Join(e.err, fmt.Errorf("line %d: %s: %w", line, e.key, fmt.Errorf(format, a...)))
}

// hint names the set that was meant, or else all that the list may have.
func hint(name string, sets map[string]moduleSet) string {
	known := slices.Sorted(maps.Keys(sets))
	if i := slices.IndexFunc(known, func(k string) bool { return resemble(name, k) }); i >= 0 {
		return fmt.Sprintf("; did you mean %q?", known[i])
	}
	return "; this list may have " + strings.Join(known, ", ")
}

// resemble says whether names differ in one place, by no more than two letters left out, added, changed or swapped.
func resemble(a, b string) bool {
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	a, b = a[same:], b[same:]
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b, same = a[:len(a)-1], b[:len(b)-1], same+1
	}
	return same > 1 && len(a) <= 2 && len(b) <= 2
}
