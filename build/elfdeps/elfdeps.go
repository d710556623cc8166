// Package elfdeps extracts files from unpacked packages together with the shared libraries they are linked to. It runs
// nothing, so any architecture works. It refuses a program with a missing library. Libraries that a program loads with
// dlopen are not found.
package elfdeps

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/images/tree"
)

// Collect returns the files below dir, the targets of links and the libraries of programs, by path.
func Collect(dir string, files []string) (map[string]tree.Entry, error) {
	c := &collector{dir: dir, have: map[string]tree.Entry{}}
	for _, f := range files {
		if err := c.add(f); err != nil {
			return nil, err
		}
	}
	return c.have, nil
}

// collector follows programs to their libraries.
type collector struct {
	dir  string
	have map[string]tree.Entry
}

// add adds a file, the target of a link, and the libraries of a program.
func (c *collector) add(p string) error {
	if _, there := c.have[p]; there {
		return nil
	}
	host := filepath.Join(c.dir, p)
	st, err := os.Lstat(host)
	if err != nil {
		return err
	}
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		return c.addLink(p, host)
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s: %v is no file", p, st.Mode().Type())
	}
	content, err := tree.HostFile(host)
	if err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if st.Mode()&0o100 != 0 {
		perm = 0o755 // no set-id bits: nothing on the device needs them
	}
	c.have[p] = tree.File(p, perm, content)
	return c.libraries(host)
}

func (c *collector) addLink(p, host string) error {
	target, err := os.Readlink(host)
	if err != nil {
		return err
	}
	c.have[p] = tree.Symlink(p, target)
	abs := strings.TrimPrefix(target, "/")
	if !path.IsAbs(target) {
		abs = path.Join(path.Dir(p), target)
	}
	return c.add(abs)
}

// libraries adds the libraries that a dynamic program or library needs. The loader has an absolute path through the
// links of the merged /usr.
func (c *collector) libraries(host string) error {
	f, err := elf.Open(host)
	if err != nil {
		return nil // not an ELF file: no libraries
	}
	defer f.Close() // opened for reading: a close error loses nothing
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err != nil {
				return err
			}
			needed = append(needed, path.Base(strings.TrimRight(string(b), "\x00")))
		}
	}
	for _, lib := range needed {
		p, err := c.find(lib)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(host), err)
		}
		if err := c.add(p); err != nil {
			return err
		}
	}
	return nil
}

// find finds a library in Debian's library directories. usr/lib64 has the loader's link.
func (c *collector) find(lib string) (string, error) {
	for _, glob := range []string{"usr/lib64", "usr/lib", "usr/lib/*-linux-*"} {
		found, err := filepath.Glob(filepath.Join(c.dir, glob, lib))
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return filepath.Rel(c.dir, found[0])
		}
	}
	return "", fmt.Errorf("%s: in none of the root's packages", lib)
}
