// Package modules loads kernel modules with their dependencies, by name or by a device's modalias. It reads the indexes
// that depmod wrote (modules.dep, .softdep, .alias, .builtin). Modules are not compressed: the build unpacks them.
// u-root's kmodule supports neither soft dependencies nor aliases.
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

// ErrUnknown is returned if this kernel has no module of that name.
var ErrUnknown = errors.New("no such module")

// Index is the module directory of one kernel.
type Index struct {
	dir     string
	files   map[string]string   // name → path below dir
	deps    map[string][]string // name → names, nearest first
	pre     map[string][]string
	post    map[string][]string
	aliases aliases
	builtin map[string]bool

	mu     sync.Mutex
	done   map[string]error // name → result of loading it
	loader func(file, params string) error
}

// Open reads the indexes in dir, e.g. /usr/lib/modules/6.12.1. loader loads one file, and must return nil if it is
// loaded already.
func Open(dir string, loader func(file, params string) error) (*Index, error) {
	x := &Index{dir: dir, files: map[string]string{}, deps: map[string][]string{}, pre: map[string][]string{},
		post: map[string][]string{}, builtin: map[string]bool{}, done: map[string]error{}, loader: loader}
	if err := eachLine(filepath.Join(dir, "modules.dep"), x.depLine); err != nil {
		return nil, err
	}
	for file, line := range map[string]func(string){"modules.softdep": x.softLine, "modules.builtin": x.builtinLine, "modules.alias": x.aliases.line} {
		// These three may be missing in a small initramfs: then there are no soft dependencies, built-in modules and
		// aliases.
		if err := eachLine(filepath.Join(dir, file), line); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return x, nil
}

// Loaded marks the modules in /proc/modules as loaded, so that they are not read again.
func (x *Index) Loaded(procModules string) {
	// A kernel without module support has no such file.
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

// Name returns the kernel's name of a module for a file name or user input.
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

// Load loads a module and its dependencies. Errors of soft dependencies are ignored.
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
		return fmt.Errorf("%s: dependency cycle", name)
	}
	x.done[name] = nil // a soft dependency may be circular
	x.soft(x.pre[name], depth)
	// modules.dep lists the nearest dependency first, so the last one has to be loaded first.
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

// soft loads soft dependencies, which often do not exist in this kernel (an accelerated crc32c). If the module really
// needs one, its own loading fails.
func (x *Index) soft(names []string, depth int) {
	for _, n := range names {
		_ = x.load(n, "", depth+1)
	}
}

// loadAlias loads names that are aliases and not files, such as "crypto-crc32c" or "fs-ext4".
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

// LoadAlias loads every module whose alias matches a device. No match is not an error, because most devices have
// built-in drivers.
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
			continue // an initramfs has only some of the modules in its index, and a driver may find that it does not support the device
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		loaded = append(loaded, n)
	}
	return loaded, errors.Join(errs...)
}

// For returns the names of the modules whose alias matches a device.
func (x *Index) For(modalias string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.aliases.match(modalias)
}

// Running says whether the module is loaded, in which case loading it again would not set its parameters.
func (x *Index) Running(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	err, seen := x.done[Name(name)]
	return x.builtin[Name(name)] || seen && err == nil
}

// Has says whether this kernel knows the name: a module file, an alias, or built in.
func (x *Index) Has(name string) bool {
	n := Name(name)
	_, file := x.files[n]
	return file || x.builtin[n] || len(x.aliases.match(n)) > 0
}
