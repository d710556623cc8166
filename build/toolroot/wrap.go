package toolroot

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	libs   = "usr/lib/x86_64-linux-gnu"
	loader = libs + "/ld-linux-x86-64.so.2"
	hidden = ".real" // directory of the programs behind the scripts
)

// Wrap replaces the dynamically linked programs below dir with wrapper scripts. final is the path of dir when they are
// run.
func Wrap(dir, final string) error {
	if err := closeLoader(filepath.Join(dir, loader)); err != nil {
		return err
	}
	if err := bundle(dir); err != nil {
		return err
	}
	for _, top := range []string{"usr/bin", "usr/sbin", "usr/libexec", "usr/lib"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() || !isProgram(p) {
				return err
			}
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			return wrap(dir, final, rel)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func wrap(dir, final, rel string) error {
	real := filepath.Join(dir, hidden, rel)
	if err := os.MkdirAll(filepath.Dir(real), 0o755); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, rel), real); err != nil {
		return err
	}
	// argv[0] stays the path of the call: gcc finds its own parts by it, and kmod its applet.
	env, args := parts(final, rel)
	script := fmt.Sprintf("#!/bin/sh\nexport LC_ALL=C\n%sexec %s --library-path %s --argv0 \"$0\" %s %s\"$@\"\n",
		env, quote(final, loader), quote(final, libs), quote(final, hidden, rel), args)
	return os.WriteFile(filepath.Join(dir, rel), []byte(script), 0o755)
}

// quote joins a path and quotes it for the shell.
func quote(elem ...string) string {
	return "'" + strings.ReplaceAll(filepath.Join(elem...), "'", `'\''`) + "'"
}

// isProgram says whether a file is an executable that needs a dynamic loader. Some libraries (libc) have an interpreter
// too; they have ".so" in their names.
func isProgram(file string) bool {
	st, err := os.Stat(file)
	if err != nil || st.Mode()&0o111 == 0 || strings.Contains(filepath.Base(file), ".so") {
		return false
	}
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close() // opened for reading: a close error loses nothing
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}
