// Package modules loads kernel modules with what they depend on, by name or by a device's modalias. It reads the
// indexes that depmod wrote (modules.dep, .softdep, .alias, .builtin) and refuses to unpack a module itself: the kernel does
// that, which is half the time and none of our memory. u-root's kmodule knows neither soft dependencies nor aliases and unpacks.
package modules

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrUnknown: no module of that name in this kernel's directory.
var ErrUnknown = errors.New("no such module")

// Index is one kernel's module directory.
type Index struct {
	dir     string
	files   map[string]string   // name → path beneath dir
	deps    map[string][]string // name → names, nearest first
	pre     map[string][]string
	post    map[string][]string
	aliases aliases
	builtin map[string]bool

	mu     sync.Mutex
	done   map[string]error // name → how loading it ended
	loader func(file, params string) error
}

// Open reads the indexes in dir, e.g. /usr/lib/modules/6.12.1. loader loads one file and takes "loaded already" for success.
func Open(dir string, loader func(file, params string) error) (*Index, error) {
	x := &Index{dir: dir, files: map[string]string{}, deps: map[string][]string{}, pre: map[string][]string{},
		post: map[string][]string{}, builtin: map[string]bool{}, done: map[string]error{}, loader: loader}
	if err := eachLine(filepath.Join(dir, "modules.dep"), x.depLine); err != nil {
		return nil, err
	}
	for file, line := range map[string]func(string){"modules.softdep": x.softLine, "modules.builtin": x.builtinLine, "modules.alias": x.aliases.line} {
		// These three may be missing from a small initramfs: nothing is then soft, built in or found by alias.
		if err := eachLine(filepath.Join(dir, file), line); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return x, nil
}

// Loaded marks modules that the kernel has already, as /proc/modules lists them: loading one again costs its unpacking.
func (x *Index) Loaded(procModules string) {
	// A kernel without modules has no such file and nothing to mark.
	_ = eachLine(procModules, func(line string) {
		name, _, _ := strings.Cut(line, " ")
		x.done[Name(name)] = nil
	})
}

func eachLine(file string, do func(string)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			do(line)
		}
	}
	return s.Err()
}

// Name is how the kernel calls a module, whatever the file name or the user wrote.
func Name(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

func (x *Index) depLine(line string) {
	file, deps, _ := strings.Cut(line, ":")
	name := Name(file)
	x.files[name] = file
	for _, d := range strings.Fields(deps) {
		x.deps[name] = append(x.deps[name], Name(d))
	}
}

func (x *Index) builtinLine(line string) { x.builtin[Name(line)] = true }

// softLine reads "softdep NAME pre: A B post: C".
func (x *Index) softLine(line string) {
	words := strings.Fields(line)
	if len(words) < 3 || words[0] != "softdep" {
		return
	}
	name, into := Name(words[1]), x.pre
	for _, w := range words[2:] {
		switch w {
		case "pre:":
			into = x.pre
		case "post:":
			into = x.post
		default:
			into[name] = append(into[name], Name(w))
		}
	}
}

// Load loads a module and what it needs. Soft dependencies are tried and may be missing.
func (x *Index) Load(name, params string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.load(Name(name), params, 0)
}

func (x *Index) load(name, params string, depth int) error {
	if err, seen := x.done[name]; seen || x.builtin[name] {
		return err
	}
	file, ok := x.files[name]
	if !ok {
		return x.loadAlias(name, params, depth)
	}
	if depth > 32 {
		return fmt.Errorf("%s: dependencies go in a circle", name)
	}
	x.done[name] = nil // a softdep may point back
	x.soft(x.pre[name], depth)
	// modules.dep lists the nearest first, so the last has to be loaded first.
	for i := len(x.deps[name]) - 1; i >= 0; i-- {
		if err := x.load(x.deps[name][i], "", depth+1); err != nil {
			x.done[name] = fmt.Errorf("%s needs %w", name, err)
			return x.done[name]
		}
	}
	x.done[name] = x.loader(filepath.Join(x.dir, file), params)
	x.soft(x.post[name], depth)
	return x.done[name]
}

// soft dependencies often name what this kernel does not have (an accelerated crc32c): the module itself then says if it cannot do without.
func (x *Index) soft(names []string, depth int) {
	for _, n := range names {
		_ = x.load(n, "", depth+1)
	}
}

// loadAlias is for names that are not files, as "crypto-crc32c" or "fs-ext4".
func (x *Index) loadAlias(name, params string, depth int) error {
	found := x.aliases.match(name)
	if len(found) == 0 || depth > 32 {
		return fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	var errs []error
	for _, n := range found {
		errs = append(errs, x.load(n, params, depth+1))
	}
	return errors.Join(errs...)
}

// LoadAlias loads every module that claims a device. A device nobody claims is not an error: most are handled by built-in drivers.
func (x *Index) LoadAlias(modalias string) (loaded []string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, n := range x.aliases.match(modalias) {
		if _, seen := x.done[n]; seen || x.builtin[n] {
			continue
		}
		err := x.load(n, "", 0)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			continue // an initramfs carries a part of the modules that its index names; a driver may find that it is not meant
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		loaded = append(loaded, n)
	}
	return loaded, errors.Join(errs...)
}

// For names the modules that claim a device.
func (x *Index) For(modalias string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.aliases.match(modalias)
}

// Running reports whether the kernel has a module already, so that loading it would hand over no parameters.
func (x *Index) Running(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	err, seen := x.done[Name(name)]
	return x.builtin[Name(name)] || seen && err == nil
}

// Has reports whether a name means something to this kernel: a file, an alias, or built in.
func (x *Index) Has(name string) bool {
	n := Name(name)
	_, file := x.files[n]
	return file || x.builtin[n] || len(x.aliases.match(n)) > 0
}
